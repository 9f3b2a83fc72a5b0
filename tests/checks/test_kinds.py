from __future__ import annotations

import pkgutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit import checks
from olaudit.checks import (
    KINDS,
    check_ids,
    clock,
    disk,
    dns,
    docker,
    firewall,
    git,
    hostname,
    memcached,
    package,
    path,
    postgres,
    release,
    service,
    symlink,
)
from olaudit.kind import Kind
from olaudit.model import Answers, Unanswered, Verdict
from tests.checks.tables import hostile, rows, spec_of

RECORDED: list[tuple[str, Kind[Any]]] = [
    ("hostname", hostname.KIND),
    ("docker", docker.KIND),
    ("path", path.KIND),
    ("symlink", symlink.KIND),
    ("memcached", memcached.KIND),
    ("postgres", postgres.KIND),
    ("firewall", firewall.KIND),
    ("dns_address", dns.ADDRESS),
    ("dns_retired", dns.RETIRED),
    ("release", release.KIND),
    ("clock", clock.KIND),
    ("disk", disk.KIND),
    ("service", service.KIND),
    ("package", package.KIND),
    ("git", git.KIND),
]
recorded = pytest.mark.parametrize(("name", "kind"), RECORDED, ids=[name for name, _ in RECORDED])


def test_every_module_in_checks_is_in_the_list() -> None:
    modules = {module.name for module in pkgutil.iter_modules(checks.__path__)}
    assert {kind.judge.__module__.split(".")[2] for kind in KINDS} == modules


def test_every_check_id_is_listed_once_and_is_kind_dot_aspect() -> None:
    ids = [check.id for kind in KINDS for check in kind.ids]
    assert list(check_ids()) == ids
    assert all(check.count(".") == 1 for check in ids)


@recorded
@given(data=st.data())
def test_whatever_a_host_answers_is_judged(name: str, kind: Kind[Any], data: st.DataObject) -> None:
    spec = spec_of(kind, data.draw(st.sampled_from(rows(name)))["spec"])
    answers = data.draw(hostile(name, tuple(kind.probes(spec))))
    ids = {check.id for check in kind.ids}
    for judgement in kind.judge(spec, answers):
        assert judgement.check in ids
        assert judgement.at[0] == kind.section
        assert (judgement.fix is None) or judgement.verdict is Verdict.DRIFT


@recorded
def test_what_is_not_answered_is_unknown_and_never_ok(name: str, kind: Kind[Any]) -> None:
    for row in rows(name):
        spec = spec_of(kind, row["spec"])
        answers = Answers({probe: Unanswered("timed out") for probe in kind.probes(spec)})
        judged = list(kind.judge(spec, answers))
        assert {judgement.verdict for judgement in judged} <= {Verdict.UNKNOWN}
        asked = {(judgement["check"], judgement["subject"]) for judgement in row["judgements"]}
        assert asked <= {(judgement.check, judgement.subject) for judgement in judged}
