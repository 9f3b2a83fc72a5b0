from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from olaudit.serve.slots import Slots

HOSTS = [f"ol-{number}" for number in range(10)]
NO_JITTER = dict.fromkeys(HOSTS, 0.0)


def assigned_slots(interval: float = 100.0, jitter: dict[str, float] = NO_JITTER) -> Slots:
    slots = Slots(interval)
    slots.assign(HOSTS, 0.0, jitter)
    return slots


def test_new_hosts_are_due_immediately() -> None:
    assert assigned_slots().due(0.0) == HOSTS


def test_audited_host_is_due_at_its_next_slot() -> None:
    slots = assigned_slots()
    for host in HOSTS:
        slots.audit_started(host, 0.0)
    assert slots.due(49.0) == []
    assert slots.next_due() == 50.0
    assert slots.due(50.0) == ["ol-5"]
    assert slots.due(71.0) == ["ol-5", "ol-6", "ol-7"]


def test_probed_audit_delays_the_next_one() -> None:
    slots = assigned_slots()
    slots.audit_started("ol-5", 45.0)
    assert "ol-5" not in slots.due(149.0)
    assert "ol-5" in slots.due(150.0)


def test_interval_zero_makes_no_host_due() -> None:
    slots = assigned_slots(interval=0.0)
    slots.audit_started("ol-1", 0.0)
    assert slots.due(1e9) == []
    assert slots.next_due() is None


def test_new_host_is_due_and_removed_host_is_not() -> None:
    slots = assigned_slots()
    for host in HOSTS:
        slots.audit_started(host, 0.0)
    slots.assign(["ol-1", "ol-new"], 10.0, {"ol-1": 0.0, "ol-new": 0.0})
    assert slots.due(10.0) == ["ol-new"]
    slots.audit_started("ol-new", 10.0)
    assert slots.due(1e9) == ["ol-1", "ol-new"]


def test_make_due_makes_a_host_due_immediately() -> None:
    slots = assigned_slots()
    for host in HOSTS:
        slots.audit_started(host, 0.0)
    slots.make_due("ol-3", 7.0)
    assert slots.due(7.0) == ["ol-3"]


@given(st.lists(st.floats(0, 1), min_size=10, max_size=10), st.floats(1, 1000), st.floats(0, 10_000))
def test_first_wait_varies_and_later_waits_are_constant(
    jitter: list[float], interval: float, start: float
) -> None:
    """The first wait is 0.5 to 1.5 intervals, each later one is exactly one interval."""
    slots = assigned_slots(interval, dict(zip(HOSTS, jitter, strict=True)))
    slots.audit_started("ol-3", start)
    first = slots._due["ol-3"]
    assert interval * 0.499 <= first - start <= interval * 1.501
    slots.audit_started("ol-3", first)
    assert abs(slots._due["ol-3"] - first - interval) < interval * 1e-6


@given(st.lists(st.floats(0, 1), min_size=10, max_size=10))
def test_audits_are_spread_over_the_interval(jitter: list[float]) -> None:
    slots = assigned_slots(100.0, dict(zip(HOSTS, jitter, strict=True)))
    for host in HOSTS:
        slots.audit_started(host, 0.0)
    moments = sorted(slots._due.values())
    assert all(sum(start <= moment < start + 25 for moment in moments) <= 4 for start in range(50, 151, 5))
