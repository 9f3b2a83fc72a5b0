"""A fleet for the command line to audit: a tiny kind of check, its expected files, hosts that obey."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from olaudit.checker import Check, Checker
from olaudit.cli import main
from olaudit.cli.auditing import Tools
from olaudit.model import Answered, Answers, Command, Expectation, Failure, Probe, Result, Severity
from olaudit.transport import Deadline, HostFailed

UNAME = Command(("uname",))


def _evaluate(expected: str, answers: Answers) -> list[Result]:
    question = Expectation(check="kernel.name", subject="kernel", at=("kernel",), expected=expected)
    match answers[UNAME]:
        case Answered(stdout="crash"):
            raise ZeroDivisionError("crashed \x1b[2J")
        case Answered(stdout=said):
            return [question.ok(said) if said == expected else question.drift(said, f"the kernel is {said}")]
        case unanswered:
            return [question.unknown(unanswered.reason)]


KERNEL: Checker[str] = Checker(
    section="kernel",
    model=str,
    ids=(Check("kernel.name", Severity.WARNING, "another kernel runs"),),
    probes=lambda _: (UNAME,),
    evaluate=_evaluate,
)


class Told:
    """A transport whose hosts answer `uname` as they are told, or fail; None hangs, and ^C interrupts the run."""

    def __init__(self, said: Mapping[str, str | Failure | None]) -> None:
        self.said = said
        self.closed = False

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - as the protocol has it
        match self.said.get(host):
            case Failure() as failure:
                raise HostFailed(failure.reason, failure.message)
            case "^C":
                _thread.interrupt_main()
                threading.Event().wait()
            case str() as said:
                return Answers({UNAME: Answered(said)})
            case _:
                print(f"{host} hangs\n", end="", file=sys.stderr, flush=True)  # in one write: threads share it
                threading.Event().wait()
        return Answers({})

    def close(self) -> None:
        self.closed = True


def tools(said: Mapping[str, str | Failure | None]) -> Tools:
    return Tools([KERNEL], lambda _: Told(said))


def write_expected(folder: Path, *hosts: str) -> Path:
    (folder / "hosts").mkdir(parents=True)
    (folder / "fleet.yaml").write_text("name: test\ndomain: example.org\n")
    for host in hosts:
        (folder / "hosts" / f"{host}.yaml").write_text(f"host: {host}\nkernel: Linux\n")
    return folder


if __name__ == "__main__":  # ol-a answers, ol-b hangs: for a test that interrupts a real process
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs start without
    sys.exit(main(sys.argv[1:], tools({"ol-a": "Linux"})))
