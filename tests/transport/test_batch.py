import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.model import Answer, Answered, Probe, Shell, Unanswered
from olaudit.transport.batch import MAX_BYTES, Reader, frame, marker_of, questions, script

MARKER = "f" * 32

COUNT = "i=0; while [ $i -lt 3000 ]; do echo {0} $i; i=$((i+1)); done"

COMMANDS = (
    Shell(("uname", "-s")),
    Shell(("cat", "/nonexistent")),
    Shell(("printf", "a\\0b\\n\\n")),
    Shell(("nosuch",)),
    Shell(("sh", "-c", "echo 'x  y'; echo err >&2; exit 3")),
    Shell(("/etc/passwd",)),
    Shell(("sh", "-c", COUNT.format("fox")), may_hang=True),
    Shell(("sh", "-c", COUNT.format("hen")), may_hang=True),
    Shell(("printf", "no newline"), may_hang=True),
    Shell(("printf", f"x\\n{MARKER[:-1]} z 0\\n{MARKER}0 z 0\\n")),
)


def run(shell: str, commands: tuple[Shell, ...], chunk: int = 1 << 16) -> dict[Probe, Answer]:
    """Run a batch in a real shell and read it in pieces of `chunk` bytes."""
    done = subprocess.run([shell], input=script(commands, MARKER).encode(), capture_output=True, check=False)
    assert done.stderr == b""
    reader = Reader(commands, MARKER)
    for start in range(0, len(done.stdout), chunk):
        reader.feed(done.stdout[start : start + chunk])
    return reader.answers("not answered")


@pytest.mark.parametrize("shell", ["dash", "bash", "posh"])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_every_shell_frames_every_kind_of_answer(shell: str, chunk: int) -> None:
    assert list(run(shell, COMMANDS, chunk).values()) == [
        Answered("Linux\n"),
        Answered("", "cat: /nonexistent: No such file or directory", 1),
        Answered("a\0b\n\n"),
        Unanswered("no such command there: nosuch"),
        Answered("x  y\n", "err", 3),
        Unanswered(
            "/etc/passwd may not be run there: timeout: failed to run command '/etc/passwd': Permission denied"
        ),
        Answered("".join(f"fox {n}\n" for n in range(3000))),
        Answered("".join(f"hen {n}\n" for n in range(3000))),
        Answered("no newline"),
        Answered(f"x\n{MARKER[:-1]} z 0\n{MARKER}0 z 0\n"),
    ]


def test_the_batch_is_a_posix_script(tmp_path: Path) -> None:
    file = tmp_path / "batch.sh"
    file.write_text(script(COMMANDS, MARKER))
    # SC2016: that nothing is expanded inside the quotes of a command is just what is wanted
    subprocess.run(["shellcheck", "-s", "sh", "-e", "SC2016", file], check=True)


def test_a_hanging_command_is_ended_and_costs_only_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("olaudit.transport.batch.COMMAND_SECONDS", 1)
    commands = (
        Shell(("sleep", "30")),
        Shell(("echo", "one")),
        Shell(("sleep", "31"), may_hang=True),
        Shell(("echo", "two"), may_hang=True),
    )
    assert list(run("dash", commands).values()) == [
        Unanswered("sleep gave no answer within 1 s and was ended"),
        Answered("one\n"),
        Unanswered("sleep gave no answer within 1 s and was ended"),
        Answered("two\n"),
    ]


def test_a_host_without_timeout_answers_nothing_rather_than_something(tmp_path: Path) -> None:
    for program in ("sh", "dd", "sed"):
        (tmp_path / program).symlink_to(shutil.which(program) or "")
    text = script((Shell(("echo", "x")),), MARKER).replace("PATH=$PATH:", "PATH=$PATH #")
    done = subprocess.run(
        ["/bin/dash"], input=text.encode(), capture_output=True, env={"PATH": str(tmp_path)}, check=False
    )
    reader = Reader((Shell(("echo", "x")),), MARKER)
    reader.feed(done.stdout)
    assert reader.answers("")[Shell(("echo", "x"))] == Unanswered("no such command there: echo")


AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
SECRET = Shell(("cat", "/etc/shadow"), sudo=True)


def as_nobody(text: str) -> dict[Probe, Answer]:
    if os.getuid():
        pytest.skip("only root can become somebody who needs sudo")
    done = subprocess.run([*AS_NOBODY, "/bin/dash"], input=text.encode(), capture_output=True, check=False)
    reader = Reader((SECRET, Shell(("echo", "x"))), MARKER)
    reader.feed(done.stdout)
    return reader.answers("not answered")


def test_what_needs_sudo_and_is_refused_says_so_and_costs_only_its_own_answer() -> None:
    answers = as_nobody(script((SECRET, Shell(("echo", "x"))), MARKER))
    assert answers == {
        SECRET: Unanswered("cat needs sudo there, and was refused: a password is required"),
        Shell(("echo", "x")): Answered("x\n"),
    }


def test_what_needs_sudo_where_there_is_none_says_so() -> None:
    reader = Reader((SECRET,), MARKER)
    said = "timeout: failed to run command 'sudo': No such file or directory"
    reader.feed(frame(0, Answered("", said, 127), MARKER))
    assert reader.answers("")[SECRET] == Unanswered("cat needs sudo there, which is not installed")


def test_root_needs_no_sudo() -> None:
    if os.getuid():
        pytest.skip("for root")
    assert isinstance(run("dash", (SECRET,))[SECRET], Answered)


def test_what_was_not_answered_in_full_is_unanswered() -> None:
    commands = (Shell(("a",)), Shell(("b",)))
    reader = Reader(commands, MARKER)
    stream = frame(0, Answered("A"), MARKER) + frame(1, Answered("B"), MARKER)
    reader.feed(stream[:-3])
    assert not reader.complete
    assert reader.answers("cut") == {Shell(("a",)): Answered("A"), Shell(("b",)): Unanswered("cut")}
    reader.feed(stream[-3:])
    assert reader.complete


def test_a_host_that_talks_without_end_is_cut_off_and_believed_only_in_what_was_whole() -> None:
    commands = (Shell(("a",)), Shell(("b",)))
    reader = Reader(commands, MARKER)
    reader.feed(frame(0, Answered("A"), MARKER))
    reader.feed(b"x" * MAX_BYTES)
    reader.feed(frame(1, Answered("B"), MARKER))
    assert reader.overflowed
    assert reader.answers("") == {
        Shell(("a",)): Answered("A"),
        Shell(("b",)): Unanswered("the host answered with more than 4 MiB"),
    }


def test_the_noise_of_a_login_shell_is_not_an_answer() -> None:
    reader = Reader((Shell(("a",)),), MARKER)
    reader.feed(b"Welcome!\nLast login: today\n")
    assert not reader.started
    reader.feed(frame(0, Answered("A"), MARKER))
    assert reader.started
    assert reader.complete


@pytest.mark.parametrize(
    "line",
    [
        "z 0",
        "e 0 0",
        "o",
        "o 9",
        "l 9 x",
        "l x y",
        "e 0 x",
        "q 0 0",
        "o 0\nMARKER e 0 x\nMARKER z 0",
        "z " + "9" * 5000,
        "l 0 " + MARKER + " z 0",
    ],
)
def test_a_frame_out_of_order_answers_nothing(line: str) -> None:
    reader = Reader((Shell(("a",)),), MARKER)
    reader.feed(f"{MARKER} {line.replace('MARKER', MARKER)}\n".encode())
    assert not reader.complete


def test_timeout_itself_failing_is_told() -> None:
    reader = Reader((Shell(("a",)),), MARKER)
    reader.feed(frame(0, Answered("", "timeout: fork: out of memory", 125), MARKER))
    assert reader.answers("")[Shell(("a",))] == Unanswered("a could not be started: timeout: fork: out of memory")


words = st.lists(
    st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs", "Zl", "Zp", "Cc"]))
    | st.just("a\nb"),
    min_size=1,
)


@given(st.lists(st.tuples(words, st.booleans()), min_size=1, max_size=8))
def test_a_simulated_host_reads_back_what_was_asked(asked: list[tuple[list[str], bool]]) -> None:
    commands = [Shell(tuple(argv), may_hang) for argv, may_hang in asked]
    text = script(commands, MARKER)
    assert marker_of(text) == MARKER
    assert dict(questions(text)) == {n: command.argv for n, command in enumerate(commands)}


@given(st.binary(max_size=300), st.integers(1, 50))
def test_reading_any_bytes_never_raises_and_never_invents_an_answer(noise: bytes, chunk: int) -> None:
    reader = Reader((Shell(("a",)),), MARKER)
    for start in range(0, len(noise), chunk):
        reader.feed(noise[start : start + chunk])
    assert reader.answers("none") == {Shell(("a",)): Unanswered("none")}
