import gc
import io
import pdb
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import Counter
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from core.plugins import deadlines
from core.plugins.deadlines import run_within


def stubborn(seconds):
    """Wait, and let nothing but the end of the process interrupt it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            time.sleep(0.05)
        except Exception:
            continue


def in_a_thread(work):
    """Run in a thread that is not the main one, as Streamlit does, and return what it raised."""
    raised = []

    def run():
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    return raised


def late(seconds=0.2, work=lambda: stubborn(5)):
    run_within(seconds, "it took too long", lambda watched: work())


def test_what_never_returns_is_ended_in_the_main_thread():
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="it took too long"):
        late()
    assert time.monotonic() - started < 3


def test_a_single_long_wait_is_ended_in_the_main_thread():
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        late(work=lambda: time.sleep(5))
    assert time.monotonic() - started < 3


def test_what_never_returns_is_ended_in_another_thread():
    (error,) = in_a_thread(late)
    assert isinstance(error, TimeoutError)


def test_what_catches_everything_is_interrupted_until_it_gives_in():
    caught = []

    def hold_on():
        while True:
            try:
                stubborn(5)
            except BaseException:
                caught.append(1)
                if len(caught) == 2:
                    raise

    with pytest.raises(TimeoutError):
        late(work=hold_on)
    assert len(caught) == 2


def test_a_sign_of_life_moves_the_deadline():
    def work(watched):
        for _ in range(6):
            time.sleep(0.2)
            watched.extend()
        return "done"

    assert run_within(0.4, "it took too long", work) == "done"


def test_what_is_in_time_returns_and_nothing_comes_after():
    for _ in range(50):
        late(0.5, lambda: None)
    time.sleep(0.6)
    assert in_a_thread(lambda: [late(5, lambda: None), time.sleep(0.1)]) == []


@pytest.mark.parametrize("run", [lambda work: work(), lambda work: in_a_thread(work)], ids=["main", "other"])
def test_nothing_comes_after_a_deadline_that_passes_just_as_the_block_begins_or_ends(run):
    def work():
        for number in range(400):
            with suppress(TimeoutError):
                late(number * 2e-6, lambda: time.sleep(0))
        time.sleep(1.2)

    assert not run(work)
    assert not [each for each in threading.enumerate() if each.name == "layerscope-deadline"]


def test_threads_have_deadlines_of_their_own():
    done = []

    def patient():
        late(5, lambda: stubborn(0.6))
        done.append("patient")

    other = threading.Thread(target=patient)
    other.start()
    assert len(in_a_thread(late)) == 1
    other.join()
    assert done == ["patient"]


def test_ctrl_c_is_left_alone():
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        late(5, interrupt)


@contextmanager
def bothered(monkeypatch):
    """Interrupt again after a moment instead of half a second, so that every place is met."""
    monkeypatch.setattr(deadlines, "_AGAIN_SECONDS", 5e-4)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("run", [lambda work: work(), lambda work: in_a_thread(work)], ids=["main", "other"])
def test_what_comes_late_never_leaves(run, monkeypatch):
    """The work ends about when the deadline passes, in every way that there is to end."""

    def count():
        end = time.perf_counter() + 2e-3
        while time.perf_counter() < end:
            sum(range(20))

    def raising():
        count()
        raise ValueError("its own")

    def cleaning_up():
        try:
            count()
        finally:
            count()

    def giving_in():
        try:
            stubborn(1)
        except KeyboardInterrupt:
            return "gave in"

    ended = Counter()

    def work():
        for number in range(500):
            for way in (count, raising, cleaning_up):
                try:
                    late(1e-3 + number % 100 * 2e-5, way)
                    ended["returned"] += 1
                except (TimeoutError, ValueError) as error:
                    ended[type(error).__name__] += 1
        for _ in range(20):
            with suppress(TimeoutError):
                late(0.001, giving_in)
        time.sleep(0.05)

    with bothered(monkeypatch):
        assert not run(work)
    assert ended["TimeoutError"]
    assert ended["returned"] + ended["ValueError"]


def test_what_the_work_held_is_let_go_of_at_once():
    class Held:
        pass

    held = Held()
    seen = weakref.ref(held)
    gc.disable()
    try:
        late(5, partial(id, held))
        with suppress(TimeoutError):
            late(0.05, partial(lambda each: stubborn(5), held))
        del held
        assert seen() is None
    finally:
        gc.enable()


ENDLESS = """
import itertools, signal, sys
from core.plugins import deadlines
deadlines._GRACE_SECONDS = 0.5
signal.alarm(60)
if sys.argv[1] == "ends":
    deadlines.run_within(60, "", lambda watched: watched.extend())
    # As it was before, so that what comes after has its time.
    print(50 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60)
elif sys.argv[1] == "sets it anew":
    def work(watched):
        signal.alarm(100)
        watched.extend()
    deadlines.run_within(1, "", work)
    print(90 < signal.getitimer(signal.ITIMER_REAL)[0] <= 100)
else:
    deadlines.run_within(0.5, "", lambda watched: sum(itertools.repeat(1)))
"""


def in_a_process(how):
    command = [sys.executable, "-c", ENDLESS, how]
    return subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=30)


def test_what_never_comes_back_to_python_is_ended_with_a_process_that_has_an_alarm_clock():
    assert in_a_process("never ends").returncode == -signal.SIGALRM


@pytest.mark.parametrize("how", ["ends", "sets it anew"])
def test_the_alarm_clock_of_a_process_is_afterwards_as_it_was_set(how):
    assert in_a_process(how).stdout.strip() == "True"


class Terminal(io.StringIO):
    """A terminal at which a person takes longer than a picture may, and then goes on."""

    prompts = 0

    def isatty(self):
        return True

    def readline(self, *size):
        self.prompts += 1
        time.sleep(0.4)
        return "continue\n"


def stop_at_a_debugger(terminal):
    debugger = pdb.Pdb(stdin=terminal, stdout=io.StringIO(), nosigint=True)

    def work(watched):
        before = sys.gettrace()
        debugger.set_trace()
        sys.settrace(before)

    run_within(0.1, "it took too long", work)


@pytest.mark.parametrize("run", [lambda work: work(), in_a_thread], ids=["main thread", "other thread"])
def test_who_stands_at_a_breakpoint_in_a_terminal_has_all_the_time(monkeypatch, run):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdin", terminal)
    assert not run(partial(stop_at_a_debugger, terminal))
    # Whoever is interrupted is asked again.
    assert terminal.prompts == 1


def test_a_terminal_alone_gives_nobody_more_time(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(TimeoutError):
        late()
