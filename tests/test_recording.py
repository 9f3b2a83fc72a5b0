from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit import recording
from olaudit.collect import CollectedAnswers
from olaudit.errors import UsageError
from olaudit.model import (
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    ContainerChanges,
    ContainerFields,
    EngineVersion,
    Failure,
    FailureReason,
    HostAnswers,
    ImageLayers,
    Lookup,
    Unanswered,
)

text = st.text(st.characters(exclude_categories=["Cs"]))
probes = (
    st.builds(Command, st.tuples(text, text), sudo=st.booleans())
    | st.sampled_from((EngineVersion(), ContainerFields()))
    | st.sampled_from(ConnectionProbe)
    | st.builds(ImageLayers, text)
    | st.builds(ContainerChanges, st.tuples(text))
    | st.builds(Lookup, text)
)
answers = st.builds(Answered, text, text, st.integers(0, 255)) | st.builds(Unanswered, text)
outcomes = st.dictionaries(probes, answers).map(Answers) | st.builds(Failure, st.sampled_from(FailureReason), text)
hosts = st.builds(HostAnswers, text, outcomes, st.floats(0, 1e6))


@given(st.lists(hosts), st.booleans())
def test_recording_is_read_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, answered: list[HostAnswers], complete: bool
) -> None:
    collected = CollectedAnswers(tuple(answered), complete)
    file = tmp_path_factory.getbasetemp() / "recording.json"
    file.write_text(recording.dump(collected), encoding="utf-8")
    loaded = recording.load(file)
    assert loaded.complete == complete
    for after, before in zip(loaded.hosts, collected.hosts, strict=True):
        assert (after.host, after.outcome) == (before.host, before.outcome)
        assert after.duration_seconds == before.duration_seconds


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "not a recording of olaudit: Invalid JSON"),
        ('{"hosts": []}', "not a recording of olaudit: recording_version: Field required"),
        ('{"recording_version": 2, "complete": true, "hosts": []}', "recorded by a newer olaudit (version 2)"),
    ],
)
def test_invalid_recording_is_a_one_line_error(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "file"
    file.write_text(content)
    with pytest.raises(UsageError) as caught:
        recording.load(file)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


def test_missing_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        recording.load(tmp_path / "none")


def test_recording_is_readable_json() -> None:
    collected = CollectedAnswers(
        (HostAnswers("a", Answers({Command(("uname", "-n")): Answered("a\n")}), 0.5),), complete=True
    )
    assert json.loads(recording.dump(collected)) == {
        "recording_version": 1,
        "complete": True,
        "hosts": [
            {"host": "a", "duration_seconds": 0.5, "answers": [{"shell": ["uname", "-n"], "stdout": "a\n"}]}
        ],
    }
