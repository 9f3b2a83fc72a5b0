"""Script of a batch in real shells, and the parser of its output."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.model import Answer, Answered, Command, Probe, Unanswered
from olaudit.transport.batch import answer_script, build_script, parse_script
from olaudit.transport.frames import MAX_BYTES, STREAM_BYTES, TOO_LARGE, BatchReader, encode_answer

MARKER = "f" * 32

COUNT = "i=0; while [ $i -lt 3000 ]; do echo {0} $i; i=$((i+1)); done"

COMMANDS = (
    Command(("uname", "-s")),
    Command(("cat", "/nonexistent")),
    Command(("printf", "a\\0b\\n\\n")),
    Command(("nosuch",)),
    Command(("sh", "-c", "echo 'x  y'; echo err >&2; exit 3")),
    Command(("/etc/passwd",)),
    Command(("sh", "-c", COUNT.format("fox")), may_hang=True),
    Command(("sh", "-c", COUNT.format("hen")), may_hang=True),
    Command(("printf", "no newline"), may_hang=True),
    Command(("printf", f"x\\n{MARKER[:-1]} z 0\\n{MARKER}0 z 0\\n")),
)


def run(shell: str, commands: tuple[Command, ...], chunk: int = 1 << 16) -> dict[Probe, Answer]:
    """Run a batch in a real shell and parse its output in chunks of `chunk` bytes."""
    done = subprocess.run([shell], input=build_script(commands, MARKER).encode(), capture_output=True, check=False)
    assert done.stderr == b""
    reader = BatchReader(commands, MARKER)
    for start in range(0, len(done.stdout), chunk):
        reader.feed(done.stdout[start : start + chunk])
    return reader.answers("incomplete")


@pytest.mark.parametrize("shell", ["dash", "bash", "posh"])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_every_shell_frames_every_kind_of_answer(shell: str, chunk: int) -> None:
    assert list(run(shell, COMMANDS, chunk).values()) == [
        Answered("Linux\n"),
        Answered("", "cat: /nonexistent: No such file or directory", 1),
        Answered("a\0b\n\n"),
        Unanswered("command not found: nosuch"),
        Answered("x  y\n", "err", 3),
        Unanswered("/etc/passwd cannot be executed: failed to run command '/etc/passwd': Permission denied"),
        Answered("".join(f"fox {n}\n" for n in range(3000))),
        Answered("".join(f"hen {n}\n" for n in range(3000))),
        Answered("no newline"),
        Answered(f"x\n{MARKER[:-1]} z 0\n{MARKER}0 z 0\n"),
    ]


def test_script_passes_shellcheck_as_posix(tmp_path: Path) -> None:
    file = tmp_path / "batch.sh"
    file.write_text(build_script(COMMANDS, MARKER))
    # SC2016: the single quotes around a command prevent expansion on purpose
    subprocess.run(["shellcheck", "-s", "sh", "-e", "SC2016", file], check=True)


def test_hanging_command_loses_only_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("olaudit.transport.batch.COMMAND_SECONDS", 1)
    monkeypatch.setattr("olaudit.transport.frames.COMMAND_SECONDS", 1)
    commands = (
        Command(("sleep", "30")),
        Command(("echo", "first")),
        Command(("sleep", "31"), may_hang=True),
        Command(("echo", "second"), may_hang=True),
    )
    assert list(run("dash", commands).values()) == [
        Unanswered("sleep gave no answer within 1 s and was terminated"),
        Answered("first\n"),
        Unanswered("sleep gave no answer within 1 s and was terminated"),
        Answered("second\n"),
    ]


def test_host_without_timeout_command_is_unanswered(tmp_path: Path) -> None:
    for program in ("sh", "dd", "sed"):
        (tmp_path / program).symlink_to(shutil.which(program) or "")
    text = build_script((Command(("echo", "x")),), MARKER).replace("PATH=$PATH:", "PATH=$PATH #")
    done = subprocess.run(
        ["/bin/dash"], input=text.encode(), capture_output=True, env={"PATH": str(tmp_path)}, check=False
    )
    reader = BatchReader((Command(("echo", "x")),), MARKER)
    reader.feed(done.stdout)
    assert reader.answers("")[Command(("echo", "x"))] == Unanswered(
        "the host has no `timeout` command (GNU coreutils)"
    )


RUN_AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
SECRET = Command(("cat", "/etc/shadow"), sudo=True)


def run_as_nobody(text: str) -> dict[Probe, Answer]:
    if os.getuid():
        pytest.skip("only root can run commands as another user")
    done = subprocess.run([*RUN_AS_NOBODY, "/bin/dash"], input=text.encode(), capture_output=True, check=False)
    reader = BatchReader((SECRET, Command(("echo", "x"))), MARKER)
    reader.feed(done.stdout)
    return reader.answers("incomplete")


def test_refused_sudo_loses_only_its_own_answer() -> None:
    answers = run_as_nobody(build_script((SECRET, Command(("echo", "x"))), MARKER))
    assert answers == {
        SECRET: Unanswered("cat needs sudo, which was refused: a password is required"),
        Command(("echo", "x")): Answered("x\n"),
    }


def test_missing_sudo_is_reported() -> None:
    reader = BatchReader((SECRET,), MARKER)
    stderr = "timeout: failed to run command 'sudo': No such file or directory"
    reader.feed(encode_answer(0, Answered("", stderr, 127), MARKER))
    assert reader.answers("")[SECRET] == Unanswered("cat needs sudo, which is not installed")


def test_root_needs_no_sudo() -> None:
    if os.getuid():
        pytest.skip("runs as root only")
    assert isinstance(run("dash", (SECRET,))[SECRET], Answered)


def test_incomplete_answer_is_unanswered() -> None:
    commands = (Command(("a",)), Command(("b",)))
    reader = BatchReader(commands, MARKER)
    stream = encode_answer(0, Answered("A"), MARKER) + encode_answer(1, Answered("B"), MARKER)
    reader.feed(stream[:-3])
    assert not reader.complete
    assert reader.answers("truncated") == {
        Command(("a",)): Answered("A"),
        Command(("b",)): Unanswered("truncated"),
    }
    reader.feed(stream[-3:])
    assert reader.complete


def test_overflow_keeps_only_complete_answers() -> None:
    commands = (Command(("a",)), Command(("b",)))
    reader = BatchReader(commands, MARKER)
    reader.feed(encode_answer(0, Answered("A"), MARKER))
    reader.feed(b"x" * MAX_BYTES)
    reader.feed(encode_answer(1, Answered("B"), MARKER))
    assert reader.overflowed
    assert reader.answers("") == {
        Command(("a",)): Answered("A"),
        Command(("b",)): Unanswered("the host answered with more than 4 MiB"),
    }


def test_output_of_the_login_shell_is_not_an_answer() -> None:
    reader = BatchReader((Command(("a",)),), MARKER)
    reader.feed(b"Welcome!\nLast login: today\n")
    assert not reader.started
    reader.feed(encode_answer(0, Answered("A"), MARKER))
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
        "l 0 eA==",
        "l 0 *",
    ],
)
def test_frame_out_of_order_is_ignored(line: str) -> None:
    reader = BatchReader((Command(("a",)),), MARKER)
    reader.feed(f"{MARKER} {line.replace('MARKER', MARKER)}\n".encode())
    assert not reader.complete


@pytest.mark.parametrize(
    ("status", "stderr", "answer"),
    [
        (125, "timeout: fork: out of memory", Unanswered("a could not be started: fork: out of memory")),
        (125, "", Answered("", "", 125)),
        (126, "sh: 1: x: Permission denied", Answered("", "sh: 1: x: Permission denied", 126)),
        (127, "sh: 1: git: not found", Answered("", "sh: 1: git: not found", 127)),
        (124, "", Unanswered("a gave no answer within 10 s and was terminated")),
        (137, "", Unanswered("a was killed: it took longer than 10 s, or the host ran out of memory")),
    ],
)
def test_status_is_attributed_to_timeout_or_to_the_command(status: int, stderr: str, answer: Answer) -> None:
    reader = BatchReader((Command(("a",)),), MARKER)
    reader.feed(encode_answer(0, Answered("", stderr, status), MARKER))
    assert reader.answers("")[Command(("a",))] == answer


# --- forged answers --------------------------------------------------------------------------------------------

PROMPT = Command(("prompt",))
STREAM = Command(("stream",), may_hang=True)
OTHER = Command(("other",), may_hang=True)


@pytest.mark.parametrize("shell", ["dash", "bash", "posh"])
def test_programs_of_a_batch_do_not_receive_the_marker(shell: str, tmp_path: Path) -> None:
    """A wrapper around each program of the batch logs its arguments and environment."""
    log = tmp_path / "log"
    for program in ("timeout", "dd", "head", "sed", "printf", "echo", "cat", "id", "base64"):
        real = shutil.which(program, path="/usr/bin:/bin")
        wrapper = tmp_path / program
        wrapper.write_text(f'#!/bin/dash\necho "{program} $*" >>{log}\nenv >>{log}\nexec {real} "$@"\n')
        wrapper.chmod(0o755)
    commands = (Command(("cat", "/dev/null")), Command(("cat", "/dev/null"), may_hang=True))
    done = subprocess.run(
        [f"/bin/{shell}"],
        input=build_script(commands, MARKER).encode(),
        capture_output=True,
        check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "M": "exported by the login"},
    )
    assert MARKER.encode() in done.stdout
    logged = log.read_text()
    assert "sed -u -f" in logged
    assert "timeout -k 1 10 cat /dev/null" in logged
    assert MARKER not in logged


def test_marker_is_not_visible_in_proc(tmp_path: Path) -> None:
    """The test reads the arguments and environments of all processes, which root can do."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    commands = (Command(("cat", str(fifo)), may_hang=True), Command(("cat", str(fifo)), may_hang=True))
    secret = secrets.token_hex(16)
    with subprocess.Popen(["/bin/dash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert shell.stdin
        shell.stdin.write(build_script(commands, secret).encode())
        shell.stdin.close()
        with fifo.open("wb") as writer:  # blocks until the first `cat` reads
            visible = b"".join(
                file.read_bytes()
                for pattern in ("[0-9]*/cmdline", "[0-9]*/environ")
                for file in Path("/proc").glob(pattern)
                if is_readable(file)
            )
            writer.write(b"x")
        shell.kill()
    assert str(fifo).encode() in visible
    assert secret.encode() not in visible


def is_readable(file: Path) -> bool:
    try:
        file.read_bytes()
    except OSError:  # the process has ended or belongs to another user
        return False
    return True


def test_stream_answers_only_its_own_command() -> None:
    """An attacker controls the output of `stream` and knows the marker."""
    reader = BatchReader((PROMPT, STREAM, OTHER), MARKER)
    for victim in (0, 2):
        forged = encode_answer(victim, Answered("forged"), MARKER, stream=True)
        reader.feed(forged.replace(f" l {victim} ".encode(), b" l 1 "))
    assert set(reader.answers("incomplete").values()) == {Unanswered("incomplete")}
    reader.feed(
        encode_answer(0, Answered("true"), MARKER) + encode_answer(2, Answered("true"), MARKER, stream=True)
    )
    assert reader.answers("incomplete") == {
        PROMPT: Answered("true"),
        STREAM: Unanswered("incomplete"),
        OTHER: Answered("true"),
    }


def test_gathered_command_cannot_answer_for_a_stream() -> None:
    reader = BatchReader((PROMPT, STREAM), MARKER)
    reader.feed(encode_answer(1, Answered("forged"), MARKER))
    assert reader.answers("incomplete")[STREAM] == Unanswered("incomplete")


@pytest.mark.parametrize("command", [PROMPT, STREAM])
def test_first_answer_of_a_command_is_kept(command: Command) -> None:
    reader = BatchReader((command,), MARKER)
    for text in ("true", "forged"):
        reader.feed(encode_answer(0, Answered(text), MARKER, stream=command.may_hang))
    assert reader.answers("incomplete") == {command: Answered("true")}


# --- sizes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_long_lines_do_not_interrupt_other_streams(shell: str) -> None:
    """Parallel streams write to one pipe, in which only writes of up to 4,096 bytes are atomic."""
    long = tuple(
        Command(
            ("sh", "-c", f"for i in 1 2 3 4 5 6 7 8; do head -c 50000 /dev/zero | tr '\\0' {letter}; echo; done"),
            may_hang=True,
        )
        for letter in "abcd"
    )
    short = tuple(Command(("sh", "-c", COUNT.format(name)), may_hang=True) for name in ("fox", "hen"))
    assert list(run(shell, (*long, *short)).values()) == [
        *(Answered((letter * 50000 + "\n") * 8) for letter in "abcd"),
        *(Answered("".join(f"{name} {n}\n" for n in range(3000))) for name in ("fox", "hen")),
    ]


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_oversized_answer_loses_only_itself(shell: str) -> None:
    large = Command(("head", "-c", str(STREAM_BYTES + 1), "/dev/zero"), may_hang=True)
    lines = Command(("sh", "-c", "yes yes yes yes yes yes yes yes | head -n 40000"), may_hang=True)
    small = Command(("echo", "x"), may_hang=True)
    assert run(shell, (large, small, lines)) == {
        large: Unanswered(TOO_LARGE),
        small: Answered("x\n"),
        lines: Unanswered(TOO_LARGE),
    }


def test_truncated_stream_is_not_reported_as_too_large() -> None:
    reader = BatchReader((STREAM,), MARKER)
    reader.feed(encode_answer(0, Answered("x" * 1000), MARKER, stream=True)[:500])
    assert reader.answers("truncated") == {STREAM: Unanswered("truncated")}


def test_long_line_in_small_chunks_is_read_in_linear_time() -> None:
    reader = BatchReader((PROMPT,), MARKER)
    for _ in range(MAX_BYTES // 64):
        reader.feed(b"x" * 64)
    assert not reader.overflowed
    reader.feed(b"x")
    assert reader.overflowed


ARGVS = st.lists(
    st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs", "Zl", "Zp", "Cc"]))
    | st.just("a\nb"),
    min_size=1,
)


@given(st.lists(st.tuples(ARGVS, st.booleans()), min_size=1, max_size=8))
def test_script_and_answers_survive_a_round_trip(arguments: list[tuple[list[str], bool]]) -> None:
    commands = [Command(tuple(argv), may_hang) for argv, may_hang in arguments]
    text = build_script(commands, MARKER)
    by_number = {n: (argv, may_hang) for n, argv, may_hang in parse_script(text)}
    assert by_number == {n: (command.argv, command.may_hang) for n, command in enumerate(commands)}
    reader = BatchReader(commands, MARKER)
    reader.feed(answer_script(text, lambda argv: Answered("\n".join(argv))))
    assert reader.answers("incomplete") == {command: Answered("\n".join(command.argv)) for command in commands}


@given(st.binary(max_size=300), st.integers(1, 50))
def test_arbitrary_bytes_never_raise_or_become_an_answer(noise: bytes, chunk: int) -> None:
    reader = BatchReader((Command(("a",)),), MARKER)
    for start in range(0, len(noise), chunk):
        reader.feed(noise[start : start + chunk])
    assert reader.answers("incomplete") == {Command(("a",)): Unanswered("incomplete")}
