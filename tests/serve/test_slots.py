from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from olaudit.serve.slots import Slots

HOSTS = [f"ol-{number}" for number in range(10)]
NO_JITTER = dict.fromkeys(HOSTS, 0.0)


def placed(interval: float = 100.0, jitter: dict[str, float] = NO_JITTER) -> Slots:
    slots = Slots(interval)
    slots.place(HOSTS, 0.0, jitter)
    return slots


def test_all_hosts_are_due_at_once_at_first() -> None:
    assert placed().due(0.0) == HOSTS


def test_a_host_that_is_audited_is_not_due_until_its_place_in_the_interval_comes() -> None:
    slots = placed()
    for host in HOSTS:
        slots.audited(host, 0.0)
    assert slots.due(49.0) == []
    assert slots.next() == 50.0
    assert slots.due(50.0) == ["ol-5"]
    assert slots.due(71.0) == ["ol-5", "ol-6", "ol-7"]


def test_an_audit_that_somebody_else_asked_for_counts_too() -> None:
    slots = placed()
    slots.audited("ol-5", 45.0)
    assert "ol-5" not in slots.due(149.0)
    assert "ol-5" in slots.due(150.0)


def test_with_an_interval_of_zero_nothing_is_ever_due() -> None:
    slots = placed(interval=0.0)
    slots.audited("ol-1", 0.0)
    assert slots.due(1e9) == []
    assert slots.next() is None


def test_a_new_host_is_due_at_once_and_one_that_is_gone_never() -> None:
    slots = placed()
    for host in HOSTS:
        slots.audited(host, 0.0)
    slots.place(["ol-1", "ol-new"], 10.0, {"ol-1": 0.0, "ol-new": 0.0})
    assert slots.due(10.0) == ["ol-new"]
    slots.audited("ol-new", 10.0)
    assert slots.due(1e9) == ["ol-1", "ol-new"]


def test_a_host_whose_expectations_changed_is_due_at_once() -> None:
    slots = placed()
    for host in HOSTS:
        slots.audited(host, 0.0)
    slots.hurry("ol-3", 7.0)
    assert slots.due(7.0) == ["ol-3"]


@given(st.lists(st.floats(0, 1), min_size=10, max_size=10), st.floats(1, 1000), st.floats(0, 10_000))
def test_whatever_the_jitter_a_host_waits_half_an_interval_to_one_and_a_half_and_then_exactly_one(
    jitter: list[float], interval: float, start: float
) -> None:
    slots = placed(interval, dict(zip(HOSTS, jitter, strict=True)))
    slots.audited("ol-3", start)
    first = slots._due["ol-3"]
    assert interval * 0.499 <= first - start <= interval * 1.501
    slots.audited("ol-3", first)
    assert abs(slots._due["ol-3"] - first - interval) < interval * 1e-6


@given(st.lists(st.floats(0, 1), min_size=10, max_size=10))
def test_audits_are_spread_over_the_interval(jitter: list[float]) -> None:
    slots = placed(100.0, dict(zip(HOSTS, jitter, strict=True)))
    for host in HOSTS:
        slots.audited(host, 0.0)
    moments = sorted(slots._due.values())
    assert all(sum(begin <= moment < begin + 25 for moment in moments) <= 4 for begin in range(50, 151, 5))
