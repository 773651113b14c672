"""The file of a recorded session is a stranger's: whatever is in it, nothing is shown that was not answered."""

import io
import json
import os
import struct
import zipfile

import pytest

from core.errors import RecordingRefused
from core.workspace.interface import WorkspaceInterface
from core.workspace.recordings import recording_file
from core.workspace.recordings.recorded import RecordedWorkspace
from core.workspace.recordings.recording_file import RecordingFile, is_recording
from core.workspace.results import ChartPicture, ChartResult
from core.workspace.workers.request import Request

CONTENTS = "layerscope-session.json"
NESTED = b"v" + b"[" * 99_999
CHART = Request.of(WorkspaceInterface.chart, "dense", "histogram", {}, 0)
MAP = Request.of(WorkspaceInterface.map, 0, "dense")


def rewritten(content, change=None, contents=None, compress=zipfile.ZIP_DEFLATED):
    """Return a recording with other members, and another table of contents."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    table = json.loads(members[CONTENTS])
    if contents:
        contents(table)
    members[CONTENTS] = json.dumps(table).encode()
    if change:
        change(members, table)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compress) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return buffer.getvalue()


def with_chart(specification):
    """Return a recording of one chart."""
    about = recording_file.About("mine")
    answers = [(CHART, ChartResult((ChartPicture(specification),))), (MAP, specification)]
    return recording_file.write_recording(about, answers)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"no recording at all" * 9, b"PK\x03\x04" + b"\0" * 60], ids=["empty", "PK", "text", "zip"]
)
def test_what_is_no_recording_is_refused(content):
    assert not is_recording(content)
    with pytest.raises(RecordingRefused, match="is no recorded session"):
        RecordingFile(content)


def test_a_recording_is_told_by_its_content_and_not_by_its_name(content, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    assert is_recording(path)
    assert is_recording(content)
    path.write_bytes(b"PK\x03\x04" + b"\0" * 26 + b"config.json")
    assert not is_recording(path)
    assert not is_recording(tmp_path)
    assert not is_recording("\0")


def test_one_that_was_cut_off_or_changed_anywhere_is_refused_or_answers_nothing_false(content):
    whole = RecordingFile(content)
    right = whole.read(Request("sample_names"))
    step = len(content) // 60
    for end in range(60, len(content), step):
        with pytest.raises(RecordingRefused):
            RecordingFile(content[:end])
        changed = bytearray(content)
        changed[end] ^= 0x55
        try:
            assert RecordingFile(bytes(changed)).read(Request("sample_names")) == right
        except (RecordingRefused, KeyError):
            continue


def test_a_bomb_is_refused_before_it_is_unpacked(content, monkeypatch):
    bomb = rewritten(content, lambda members, _: members.update({"answers/00000": b"v" + b" " * 80_000_000}))
    assert len(bomb) < 2_000_000
    with pytest.raises(RecordingRefused, match="unpacks to"):
        RecordingFile(bomb)
    monkeypatch.setattr(recording_file, "_LARGEST_UNPACKED", 10_000)
    with pytest.raises(RecordingRefused, match="at most"):
        RecordingFile(content)
    monkeypatch.setattr(recording_file, "_LARGEST_FILE", 10_000)


def test_one_that_is_larger_than_any_is_not_read(content, tmp_path, monkeypatch):
    path = tmp_path / "session.layerscope"
    path.write_bytes(content)
    monkeypatch.setattr(recording_file, "_LARGEST_FILE", len(content) - 1)
    with pytest.raises(RecordingRefused, match="larger than a recording may be"):
        RecordingFile(path)
    with pytest.raises(RecordingRefused, match="Record fewer"):
        with_chart({"x": os.urandom(len(content)).hex()})


def test_two_members_of_one_name_are_refused(content):
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("answers/00000", b"v1")
    with pytest.raises(RecordingRefused, match="is there twice"):
        RecordingFile(buffer.getvalue())


def test_an_answer_of_another_shape_is_refused_when_it_is_asked_for(content):
    def swap(table):
        places = table["answers"]
        places[next(key for key in places if key.startswith('["model"'))] = places[
            next(key for key in places if key.startswith('["sample_names"'))
        ]

    file = RecordingFile(rewritten(content, contents=swap))
    with pytest.raises(RecordingRefused, match="does not hold a valid answer"):
        file.read(Request("model"))
    assert len(file.read(Request("sample_names"))) == 90


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"e" + b'{"type": "InputRejected", "message": "x"}',
        b"p[0.5, 1]",
        b"b\0",
        b"v{",
        b"\x80\x05.",
        b"v" + b"[" * 99_999,
    ],
)
def test_a_member_that_is_no_answer_is_refused(content, member):
    def change(members, table):
        for number in table["answers"].values():
            members[f"answers/{number:05}"] = member

    file = RecordingFile(rewritten(content, change))
    with pytest.raises(RecordingRefused):
        file.read(Request("model"))


def test_a_member_that_is_not_there_is_refused(content):
    def elsewhere(table):
        table["answers"] = dict.fromkeys(table["answers"], -3)

    with pytest.raises(RecordingRefused):
        RecordingFile(rewritten(content, contents=elsewhere)).read(Request("model"))


def test_one_of_a_later_version_says_who_wrote_it(content):
    def later(table):
        table.update(version=2, answers="somewhere else")
        table["about"]["written_by"] = "9.9"

    with pytest.raises(RecordingRefused, match=r"by a later Layerscope \(9.9\)") as caught:
        RecordingFile(rewritten(content, contents=later))
    assert "pip install --upgrade layerscope" in caught.value.remedy


@pytest.mark.parametrize("table", [{"version": "none"}, {"version": 1}, {"version": -1, "about": [], "answers": {}}])
def test_a_table_of_contents_that_is_none_is_refused(content, table):
    def other(own):
        own.clear()
        own.update(table)

    with pytest.raises(RecordingRefused, match="is damaged"):
        RecordingFile(rewritten(content, contents=other))


@pytest.mark.parametrize("name", ["model", "sample_names"])
def test_one_that_does_not_say_what_it_is_of_is_refused(content, name):
    def without(table):
        table["answers"] = {key: place for key, place in table["answers"].items() if not key.startswith(f'["{name}"')}

    with pytest.raises(RecordingRefused, match="does not say what it is of"):
        RecordedWorkspace(RecordingFile(rewritten(content, contents=without)))


@pytest.mark.parametrize("samples", [[90], [-1]])
def test_one_of_samples_that_there_are_not_is_refused(content, samples):
    def other(table):
        table["about"]["samples"] = samples

    with pytest.raises(RecordingRefused, match="samples that there are not"):
        RecordedWorkspace(RecordingFile(rewritten(content, contents=other)))


def test_a_directory_that_lies_is_refused(content):
    at = content.rindex(b"PK\x01\x02") + 24
    lied = content[:at] + struct.pack("<I", 3) + content[at + 4 :]
    with pytest.raises(RecordingRefused):
        RecordingFile(lied)


ELSEWHERE = {
    "data": {"data": {"url": "https://elsewhere.example/data.json"}},
    "data beside": {"data": {"url": "data.json"}},
    "a picture": {"mark": {"type": "image", "url": "http://elsewhere.example/seen.png"}},
    "a picture of data": {
        "data": {"values": [{"at": "//elsewhere.example/seen.png"}]},
        "mark": "image",
        "encoding": {"url": {"field": "at", "type": "nominal"}},
    },
    "a picture put together": {
        "transform": [{"calculate": "'ht' + 'tp:' + '/' + '/elsewhere'", "as": "at"}],
        "encoding": {"url": {"field": "at"}},
    },
    "an expression": {"mark": {"type": "image", "url": {"expr": "datum.at"}}},
    "a link": {"encoding": {"href": {"field": "at"}}},
    "settings": {"usermeta": {"embedOptions": {"loader": {"baseURL": "https://elsewhere.example"}}}},
    "deep inside": {"hconcat": [{"layer": [{"spec": {"data": {"url": "file:///etc/passwd"}}}]}]},
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_chart_that_leads_elsewhere_is_not_shown(name):
    file = RecordingFile(with_chart(ELSEWHERE[name]))
    for asked in (CHART, MAP):
        with pytest.raises(RecordingRefused, match="from elsewhere"):
            file.read(asked)


def test_a_chart_that_brings_all_along_is_shown():
    chart = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": "See https://elsewhere.example",
        "data": {"values": [{"at": "data:image/png;base64,AAAA", "word": "a film"}]},
        "mark": "image",
        "encoding": {"url": {"field": "at", "type": "nominal"}},
    }
    assert RecordingFile(with_chart({**chart, "title": "A title"})).read(MAP)["title"] == "A title"
    without_pictures = {**chart, "encoding": {}}
    assert RecordingFile(with_chart(without_pictures)).read(MAP) == without_pictures


def test_the_same_answers_make_the_same_file():
    about = recording_file.About("mine")
    files = {recording_file.write_recording(about, [(MAP, {"a": 1})], is_dated=False) for _ in range(2)}
    assert len(files) == 1
