from __future__ import annotations

import threading
import time
from collections.abc import Callable

from olaudit import recording
from olaudit.collect import CollectedAnswers, Job, Progress, collect
from olaudit.model import Answered, Answers, Command, Failure, FailureReason, Probe, Unanswered
from olaudit.transport import Deadline, HostFailed

PROBE = Command(("echo",))


def answer_at_once(_: Deadline) -> None:
    """Answer without delay."""


class Fake:
    """Fake transport: each host runs a function, by default none, before it answers."""

    def __init__(self, **hosts: Callable[[Deadline], None]) -> None:
        self.hosts = hosts
        self.active = self.max_active = 0
        self._lock = threading.Lock()

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        with self._lock:
            self.active += 1
            self.max_active = max(self.active, self.max_active)
        try:
            self.hosts.get(host, answer_at_once)(deadline)
            return Answers({probe: Answered(host) for probe in probes})
        finally:
            with self._lock:
                self.active -= 1

    def close(self) -> None:
        """Close nothing."""


def jobs(*hosts: str) -> list[Job]:
    return [Job(host, (PROBE,)) for host in hosts]


def wait(event: threading.Event) -> None:
    event.wait(20)


def refuse(_: Deadline) -> None:
    raise HostFailed(FailureReason.REFUSED, "no")


def test_every_host_has_one_outcome_in_order() -> None:
    collected = collect(jobs("c", "a", "b"), Fake(b=refuse), parallel=2, timeout=5)
    assert collected.complete
    assert [(host.host, host.outcome) for host in collected.hosts] == [
        ("a", Answers({PROBE: Answered("a")})),
        ("b", Failure(FailureReason.REFUSED, "no")),
        ("c", Answers({PROBE: Answered("c")})),
    ]
    assert all(host.duration_seconds >= 0 for host in collected.hosts)


def test_collection_of_no_hosts_is_complete() -> None:
    assert collect([], Fake(), parallel=2, timeout=5) == CollectedAnswers((), complete=True)


def test_number_of_concurrent_hosts_is_limited() -> None:
    fake = Fake(**{name: lambda _: time.sleep(0.02) for name in "abcdefgh"})
    collect(jobs(*"abcdefgh"), fake, parallel=3, timeout=5)
    assert fake.max_active == 3


def test_host_that_hangs_times_out_and_frees_its_slot() -> None:
    hang = threading.Event()
    fake = Fake(a=lambda _: wait(hang))
    started = time.monotonic()
    collected = collect(jobs("a", "b"), fake, parallel=1, timeout=0.3)
    hang.set()
    assert time.monotonic() - started < 0.3 + 2
    assert collected.hosts[0].outcome == Failure(FailureReason.TIMEOUT, "no answer within 0.3 s")
    assert collected.hosts[1].outcome == Answers({PROBE: Answered("b")})


def test_outcome_after_the_timeout_is_ignored() -> None:
    fake = Fake(a=lambda _: time.sleep(1.6), b=lambda _: time.sleep(2.2))
    collected = collect(jobs("a", "b"), fake, parallel=2, timeout=0.2)
    assert [host.outcome for host in collected.hosts] == [
        Failure(FailureReason.TIMEOUT, "no answer within 0.2 s")
    ] * 2


def test_bug_in_a_transport_affects_only_one_host() -> None:
    def bug(_: Deadline) -> None:
        raise RecursionError

    first, second = collect(jobs("a", "b"), Fake(a=bug), parallel=1, timeout=5).hosts
    assert first.outcome == Failure(
        FailureReason.SSH, "internal error in olaudit while this host was asked: RecursionError"
    )
    assert first.error
    assert first.error.host == "a"
    assert first.error.traceback.endswith("RecursionError\n")
    assert second.outcome == Answers({PROBE: Answered("b")})
    assert second.error is None


SURROGATE, VALID = "a\ud800b", "a\\ud800b"


class Surrogates:
    """Fake transport whose answers contain lone surrogates, as JSON can with an escaped half of a pair."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - the signature of the protocol
        if host == "down":
            raise HostFailed(FailureReason.SSH, SURROGATE)
        answers = Answered(SURROGATE, SURROGATE), Unanswered(SURROGATE)
        return Answers(dict(zip(probes, answers, strict=True)))

    def close(self) -> None:
        """Close nothing."""


def test_every_collected_text_is_valid_unicode() -> None:
    probes = (PROBE, Command(("true",)))
    collected = collect([Job("a", probes), Job("down", probes)], Surrogates(), parallel=2, timeout=5)
    assert collected.hosts[0].outcome == Answers({probes[0]: Answered(VALID, VALID), probes[1]: Unanswered(VALID)})
    assert collected.hosts[1].outcome == Failure(FailureReason.SSH, VALID)
    assert recording.parse(recording.dump(collected), "x").hosts == collected.hosts


def test_interrupt_keeps_answers_and_marks_the_other_hosts() -> None:
    hang = threading.Event()

    def interrupt(progress: Progress) -> None:
        if progress.done == 1:
            raise KeyboardInterrupt

    fake = Fake(b=lambda _: wait(hang))
    collected = collect(jobs("a", "b", "c"), fake, parallel=1, timeout=9, on_progress=interrupt)
    hang.set()
    assert not collected.complete
    assert collected.hosts[0].outcome == Answers({PROBE: Answered("a")})
    for host in collected.hosts[1:]:
        assert host.outcome == Failure(FailureReason.INTERRUPTED, "interrupted before it had answered")


def test_progress_lists_waiting_hosts_the_slowest_first() -> None:
    reported: list[Progress] = []
    fake = Fake(a=lambda _: time.sleep(0.5), b=lambda _: time.sleep(0.4))
    collect(jobs("a", "b"), fake, parallel=2, timeout=5, on_progress=reported.append)
    assert reported[0].waiting == ("a", "b")
    assert (reported[-1].done, reported[-1].total, reported[-1].waiting) == (2, 2, ())
    assert reported[-1].seconds > 0


def test_deadline_has_no_time_left_once_passed() -> None:
    deadline = Deadline.after(60)
    assert 59 < deadline.remaining() <= 60
    assert not deadline.passed()
    passed = Deadline.after(-1)
    assert passed.remaining() == 0
    assert passed.passed()


class Failing:
    """Fake transport that answers every probe with status 1, while the command documents only 0."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - the protocol
        return Answers({probe: Answered("part", "why", 1) for probe in probes})

    def close(self) -> None:
        pass


def test_answers_are_collected_with_any_status() -> None:
    collected = collect([Job("a", (PROBE,))], Failing(), parallel=1, timeout=5)
    outcome = collected.hosts[0].outcome
    assert isinstance(outcome, Answers)
    assert outcome.raw() == {PROBE: Answered("part", "why", 1)}
    assert isinstance(outcome[PROBE], Unanswered)
