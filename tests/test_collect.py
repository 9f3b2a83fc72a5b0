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
    """Do nothing first."""


class Fake:
    """A transport in which each host does as it is told."""

    def __init__(self, **hosts: Callable[[Deadline], None]) -> None:
        self.hosts = hosts
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            self.hosts.get(host, answer_at_once)(deadline)
            return Answers({probe: Answered(host) for probe in probes})
        finally:
            with self._lock:
                self.at_once -= 1

    def close(self) -> None:
        """Hold nothing."""


def jobs(*hosts: str) -> list[Job]:
    return [Job(host, (PROBE,)) for host in hosts]


def wait(event: threading.Event) -> None:
    event.wait(20)


def refuse(_: Deadline) -> None:
    raise HostFailed(FailureReason.REFUSED, "no")


def test_every_host_comes_back_once_and_in_order() -> None:
    collected = collect(jobs("c", "a", "b"), Fake(b=refuse), parallel=2, timeout=5)
    assert collected.complete
    assert [(one.host, one.outcome) for one in collected.hosts] == [
        ("a", Answers({PROBE: Answered("a")})),
        ("b", Failure(FailureReason.REFUSED, "no")),
        ("c", Answers({PROBE: Answered("c")})),
    ]
    assert all(one.duration_seconds >= 0 for one in collected.hosts)


def test_no_hosts_are_collected_at_once() -> None:
    assert collect([], Fake(), parallel=2, timeout=5) == CollectedAnswers((), complete=True)


def test_no_more_hosts_than_allowed_are_asked_at_once() -> None:
    fake = Fake(**{name: lambda _: time.sleep(0.02) for name in "abcdefgh"})
    collect(jobs(*"abcdefgh"), fake, parallel=3, timeout=5)
    assert fake.most_at_once == 3


def test_a_host_whose_thread_never_comes_back_is_given_up_and_frees_its_place() -> None:
    hang = threading.Event()
    fake = Fake(a=lambda _: wait(hang))
    started = time.monotonic()
    collected = collect(jobs("a", "b"), fake, parallel=1, timeout=0.3)
    hang.set()
    assert time.monotonic() - started < 0.3 + 2
    assert collected.hosts[0].outcome == Failure(FailureReason.TIMEOUT, "no answer within 0.3 s")
    assert collected.hosts[1].outcome == Answers({PROBE: Answered("b")})


def test_what_comes_after_it_was_given_up_changes_nothing() -> None:
    fake = Fake(a=lambda _: time.sleep(1.6), b=lambda _: time.sleep(2.2))
    collected = collect(jobs("a", "b"), fake, parallel=2, timeout=0.2)
    assert [one.outcome for one in collected.hosts] == [
        Failure(FailureReason.TIMEOUT, "no answer within 0.2 s")
    ] * 2


def test_a_bug_in_a_transport_costs_only_the_host_it_concerns() -> None:
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
    """A transport whose answers hold lone surrogates, as JSON with an escaped half of a pair does."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - as the protocol has it
        if host == "down":
            raise HostFailed(FailureReason.SSH, SURROGATE)
        answers = Answered(SURROGATE, SURROGATE), Unanswered(SURROGATE)
        return Answers(dict(zip(probes, answers, strict=True)))

    def close(self) -> None:
        """Hold nothing."""


def test_every_text_that_comes_in_is_valid_unicode() -> None:
    two = (PROBE, Command(("true",)))
    collected = collect([Job("a", two), Job("down", two)], Surrogates(), parallel=2, timeout=5)
    assert collected.hosts[0].outcome == Answers({two[0]: Answered(VALID, VALID), two[1]: Unanswered(VALID)})
    assert collected.hosts[1].outcome == Failure(FailureReason.SSH, VALID)
    assert recording.parse(recording.dump(collected), "x").hosts == collected.hosts


def test_an_interrupt_keeps_what_was_answered_and_marks_the_rest() -> None:
    hang = threading.Event()

    def watch(progress: Progress) -> None:
        if progress.done == 1:
            raise KeyboardInterrupt

    fake = Fake(b=lambda _: wait(hang))
    collected = collect(jobs("a", "b", "c"), fake, parallel=1, timeout=9, on_progress=watch)
    hang.set()
    assert not collected.complete
    assert collected.hosts[0].outcome == Answers({PROBE: Answered("a")})
    for one in collected.hosts[1:]:
        assert one.outcome == Failure(FailureReason.INTERRUPTED, "interrupted before it had answered")


def test_progress_names_who_is_waited_for_the_slowest_first() -> None:
    seen: list[Progress] = []
    fake = Fake(a=lambda _: time.sleep(0.5), b=lambda _: time.sleep(0.4))
    collect(jobs("a", "b"), fake, parallel=2, timeout=5, on_progress=seen.append)
    assert seen[0].waiting == ("a", "b")
    assert (seen[-1].done, seen[-1].total, seen[-1].waiting) == (2, 2, ())
    assert seen[-1].seconds > 0


def test_a_deadline_counts_down_to_nothing() -> None:
    deadline = Deadline.after(60)
    assert 59 < deadline.left() <= 60
    assert not deadline.passed()
    past = Deadline.after(-1)
    assert past.left() == 0
    assert past.passed()


class Failing:
    """Answers every probe with status 1 of a program that documents 0 alone."""

    def ask(self, host: str, probes: tuple[Probe, ...], deadline: Deadline) -> Answers:  # noqa: ARG002 - the protocol's
        return Answers({probe: Answered("part", "why", 1) for probe in probes})

    def close(self) -> None:
        pass


def test_answers_arrive_raw_whatever_their_status() -> None:
    collected = collect([Job("a", (PROBE,))], Failing(), parallel=1, timeout=5)
    outcome = collected.hosts[0].outcome
    assert isinstance(outcome, Answers)
    assert outcome.raw() == {PROBE: Answered("part", "why", 1)}
    assert isinstance(outcome[PROBE], Unanswered)
