"""A test fleet for the command line: one simple checker, its expected files, and a scripted transport."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from olaudit.checker import Checker
from olaudit.cli import main
from olaudit.cli.fleet_audit import Tools
from olaudit.model import (
    Answered,
    Answers,
    Check,
    Command,
    Expectation,
    Fact,
    Facts,
    Failure,
    Probe,
    Result,
    Severity,
)
from olaudit.transport import Deadline, HostFailed

UNAME = Command(("uname",))


NAME = Check("kernel.name", Severity.WARNING, "another kernel runs")
UNAME_OUTPUT: Fact[str] = Fact("kernel.name", UNAME, lambda answer: answer.stdout)


def _evaluate(expected: str, facts: Facts) -> list[Result]:
    expectation = NAME.expect("kernel", ("kernel",), expected, based_on=(UNAME_OUTPUT,))
    return [expectation.evaluate(facts[UNAME_OUTPUT], partial(_evaluate_name, expectation))]


def _evaluate_name(expectation: Expectation, kernel: str) -> Result:
    if kernel == "crash":
        raise ZeroDivisionError("crashed \x1b[2J")
    return expectation.ok(kernel) if kernel == expectation.expected else _drift(expectation, kernel)


def _drift(expectation: Expectation, kernel: str) -> Result:
    return expectation.drift(kernel, f"the kernel is {kernel}")


KERNEL: Checker[str] = Checker(
    section="kernel", model=str, checks=(NAME,), facts=lambda _: (UNAME_OUTPUT,), evaluate=_evaluate
)


class ScriptedTransport:
    """A transport with a scripted answer to `uname` or failure per host.

    A host without a script hangs; the answer ^C interrupts the run.
    """

    def __init__(self, script: Mapping[str, str | Failure | None]) -> None:
        self.script = script
        self.closed = False

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - the protocol
        match self.script.get(host):
            case Failure() as failure:
                raise HostFailed(failure.reason, failure.message)
            case "^C":
                _thread.interrupt_main()
                threading.Event().wait()
            case str() as output:
                return Answers({UNAME: Answered(output)})
            case _:
                print(f"{host} hangs\n", end="", file=sys.stderr, flush=True)  # in one write: threads share it
                threading.Event().wait()
        return Answers({})

    def close(self) -> None:
        self.closed = True


def tools(script: Mapping[str, str | Failure | None]) -> Tools:
    return Tools([KERNEL], lambda _: ScriptedTransport(script))


def write_expected(folder: Path, *hosts: str) -> Path:
    (folder / "hosts").mkdir(parents=True)
    (folder / "fleet.yaml").write_text("name: test\ndomain: example.org\n")
    for host in hosts:
        (folder / "hosts" / f"{host}.yaml").write_text(f"host: {host}\nkernel: Linux\n")
    return folder


if __name__ == "__main__":  # ol-a answers, ol-b hangs: for a test that interrupts a real process
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore SIGINT
    sys.exit(main(sys.argv[1:], tools({"ol-a": "Linux"})))
