"""What a worker cannot do, tried in real processes: each guard is the kernel's, so only the kernel can be asked."""

import os
import socket
import sys
from multiprocessing import Pipe
from pathlib import Path

import landlock
import pytest
from pydantic import ByteSize

from core.common.limits import Limits
from core.workspace.workers.forking import process_context
from core.workspace.workers.sandbox import clean_environment
from tests.workspace.workers.attempts import ATTEMPT_FILE, run_confined
from tests.workspace.workers.conftest import SECRET

LIMITS = Limits(worker_bytes=ByteSize(1_000_000_000), unpacked_bytes=ByteSize(5_000_000))
README = str(Path(__file__).parents[3] / "README.md")
NOT_LET = {"PermissionError", "PermissionDeniedError"}


@pytest.fixture
def folders(tmp_path):
    """The folder that a worker may read, and the one that it may write."""
    found = tmp_path / "given", tmp_path / "private"
    for folder in found:
        folder.mkdir()
    return found


@pytest.fixture
def attempt(fork_server, folders):
    """Return a function that tries something in a confined process: ``"done"`` or an error's name, and the text."""

    def run(name, argument=""):
        ours, theirs = Pipe()
        process = process_context().Process(target=run_confined, args=(theirs, LIMITS, *folders, name, str(argument)))
        process.start()
        theirs.close()
        try:
            assert ours.poll(60), "the process says nothing"
            return ours.recv()
        finally:
            process.kill()
            process.join()
            ours.close()

    return run


def test_the_guards_are_there_where_the_kernel_has_them():
    if sys.platform == "linux":
        kernel = tuple(int(part) for part in os.uname().release.split(".")[:2])
        assert landlock.landlock_abi_version() >= 1 or kernel < (5, 13)


@pytest.mark.parametrize("path", ["/etc/passwd", README, "/proc/1/cmdline", "/proc/self/root/etc/passwd"])
@pytest.mark.parametrize("how", ["read", "read_with_tensorflow"])
def test_files_of_the_host_cannot_be_read(attempt, how, path):
    error, text = attempt(how, path)
    assert error in NOT_LET, text


def test_what_another_visitor_uploaded_cannot_be_read(attempt, tmp_path):
    other = tmp_path / "another" / "model"
    other.parent.mkdir()
    other.write_text("x")

    assert attempt("read", other)[0] in NOT_LET
    assert attempt("list_folder", tmp_path)[0] in NOT_LET


def test_what_was_uploaded_can_be_read_but_not_changed(attempt, folders):
    given = folders[0] / "model"
    given.write_text("x")

    assert attempt("read", given) == ("done", "b'x'")
    assert attempt("write", folders[0])[0] in NOT_LET
    assert attempt("remove", given)[0] in NOT_LET
    assert given.exists()


@pytest.mark.parametrize("how", ["write", "write_with_tensorflow", "save_with_keras"])
@pytest.mark.parametrize("where", ["the folder above", "the project", "temporary files", "shared memory"])
def test_nothing_is_written_outside_the_private_folder(attempt, how, where, tmp_path):
    folder = {
        "the folder above": tmp_path,
        "the project": Path(README).parent,
        "temporary files": tmp_path.parent,
        "shared memory": Path("/dev/shm"),
    }[where]
    error, text = attempt(how, folder)
    assert error in NOT_LET, text
    assert not list(folder.glob(f"{ATTEMPT_FILE}*"))


def test_the_private_folder_is_its_own(attempt, folders):
    assert attempt("work_in_its_own_folder") == ("done", "['own', 'own-too']")
    assert (folders[1] / "own").exists()


def test_it_starts_no_program_and_no_process(attempt):
    assert attempt("run", "/bin/ls")[0] in NOT_LET
    # Python itself may be read and run, and is not.
    assert attempt("run_python", "/etc/passwd")[0] in NOT_LET
    assert attempt("fork")[0] in NOT_LET


def test_there_is_no_network(attempt):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for how in ("connect", "send_datagram"):
            error, text = attempt(how, port)
            assert error in {"OSError", "PermissionError"}, text
    assert attempt("look_up", "example.org")[0] in {"gaierror", "PermissionError"}


def test_sockets_that_have_a_name_are_of_another_network(attempt):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0layerscope-test")
        server.listen()
        assert attempt("connect_by_name", "layerscope-test")[0] in {"ConnectionRefusedError", "PermissionError"}


def test_the_secrets_of_the_page_stay_with_the_page(attempt):
    assert os.environ["SECRET"] == SECRET
    assert attempt("find_in_environment", SECRET) == ("AssertionError", "it is not there")
    assert attempt("read_environment_of", os.getpid())[0] in NOT_LET
    assert attempt("read_memory_of", os.getpid())[0] in NOT_LET


def test_what_python_and_keras_need_is_passed_on():
    given = {"PATH": "/bin", "KERAS_BACKEND": "tensorflow", "LAYERSCOPE_ROWS": "5", "LC_ALL": "C", "PYTHONPATH": "a"}
    secret = {"AWS_SECRET_ACCESS_KEY": "x", "GITHUB_TOKEN": "x", "PATHS": "x", "MY_PATH": "x", "TF_TOKEN": "x"}

    assert clean_environment({**given, **secret}) == given


@pytest.mark.parametrize("how", ["hold", "hold_with_numpy", "map_memory"])
def test_memory_ends_where_the_limit_says(attempt, how):
    assert attempt(how, 500_000_000)[0] == "done"
    assert attempt(how, 1_500_000_000)[0] in {"MemoryError", "OSError", "_ArrayMemoryError"}


def test_a_file_ends_where_the_limit_says(attempt):
    assert attempt("write_much", 4_000_000)[0] == "done"
    assert attempt("write_much", 6_000_000)[0] == "OSError"


def test_open_files_are_counted(attempt):
    assert attempt("open_much", 300)[0] == "done"
    assert attempt("open_much", 600)[0] == "OSError"


def test_other_processes_cannot_be_reached(attempt):
    for name in ("send_signal", "lower_limits_of", "slow_down"):
        error, text = attempt(name, os.getpid())
        assert error in NOT_LET, (name, text)
    assert attempt("send_signal", 0)[0] in NOT_LET
    assert attempt("signal_itself")[0] == "done"


def test_the_fork_server_takes_no_orders_from_a_worker(attempt):
    assert attempt("reach_fork_server")[0] in NOT_LET
    assert attempt("use_a_pair_of_sockets") == ("done", "b'x'")


def test_sockets_that_are_files_cannot_be_reached(attempt, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "socket"))
        assert attempt("make_socket")[0] in NOT_LET
        assert attempt("send_to_address", tmp_path / "socket")[0] in NOT_LET


def test_a_limit_is_for_good(attempt):
    assert attempt("raise_limits")[0] in {"PermissionError", "ValueError"}
    assert attempt("read_limits") == ("done", "(512, 512)")


def test_memory_is_not_had_in_another_way(attempt):
    for name in ("share_memory", "keep_memory_in_a_file"):
        assert attempt(name, 3_000_000_000)[0] in NOT_LET, name


def test_the_modes_and_owners_of_files_stay(attempt, tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    mode = path.stat().st_mode
    assert attempt("change_owner", path)[0] in NOT_LET
    attempt("change_mode", path)
    assert path.stat().st_mode == mode


def test_a_file_can_be_copied_with_all_that_belongs_to_it(attempt, folders):
    (folders[0] / "model").write_text("x")

    assert attempt("copy", folders[0])[0] == "done"
    assert (folders[1] / "copied" / "model").read_text() == "x"


def test_namespaces_stay_as_they_are(attempt):
    assert attempt("leave_for_another_network")[0] in NOT_LET


def test_new_rights_cannot_be_had(attempt):
    assert "NoNewPrivs:\\t1" in attempt("look_at_itself")[1]
