"""memcached.*: its limit leaves the machine what it needs, in the file, in the process, and in the server.

A limit that is too low loses the cache (without `-m` memcached takes 64 MB), one that is too high the machine:
internetarchive/openlibrary#7397, #9000. The values are a chain: the file becomes the process's arguments, and
these the server's limit. One cause is one finding, so each link is judged against the one before it: passing
on a wrong value is right, and being right where the one before is wrong is no second fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from olaudit.checker import Check, Checker
from olaudit.checks.memcached.facts import (
    MEMORY,
    PROCESSES,
    Limit,
    MemcachedProcess,
    config_probe,
    configured_limit,
    memory_total,
    running_processes,
    served_limit,
    settings_probe,
)
from olaudit.checks.memcached.spec import MemcachedSpec
from olaudit.language import parse_size
from olaudit.model import Answers, Command, Expectation, Measurement, Result, Severity, Unanswered, Verdict

_MIB = 1 << 20
_RESTART = "service memcached restart"


def probes(spec: MemcachedSpec) -> tuple[Command, ...]:
    """Ask for the machine's memory and for all three limits."""
    return (MEMORY, PROCESSES, config_probe(spec), settings_probe(spec))


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a limit may be, in MiB, both ends included."""

    low: int
    high: int
    total: int

    def passes(self, limit: Limit) -> bool:
        return self.low <= limit.mib <= self.high

    @property
    def recommended(self) -> int:
        """Leave about 300 MB, as the page does ("9.7GB, use -m 9300 or a bit higher"), if the rule allows that."""
        rounded = (self.total - 300 * _MIB) // (100 * _MIB) * 100
        return rounded if self.low <= rounded <= self.high else self.high


def _rule(spec: MemcachedSpec, total: int | Unanswered) -> _Rule | Unanswered:
    if isinstance(total, Unanswered):
        return total
    low = -((parse_size(spec.reserve.most) - total) // _MIB)
    high = (total - parse_size(spec.reserve.least)) // _MIB
    if high < 1:
        return Unanswered(f"MemTotal is {total // _MIB} MiB, less than what is to be left of it")
    return _Rule(low, high, total)


@dataclass(frozen=True, slots=True)
class _Chain:
    """What all three judgements need; `upstream` is the nearest limit before this one that is known.

    `gap` is why the limit right before this one is not known, if it is not: then nothing can be called the same.
    """

    spec: MemcachedSpec
    rule: _Rule | Unanswered
    upstream: tuple[str, Limit] | None = None
    gap: str = ""

    def then(self, name: str, limit: Limit | Unanswered) -> _Chain:
        if isinstance(limit, Unanswered):
            return _Chain(self.spec, self.rule, self.upstream, f"{name} is not known: {limit.reason}")
        return _Chain(self.spec, self.rule, (name, limit))

    def ask(self, aspect: str, severity: Severity | None = None) -> Expectation:
        if isinstance(self.rule, _Rule):
            expected = f"{self.rule.low} to {self.rule.high} MiB"
        else:
            expected = f"MemTotal less {self.spec.reserve.least} to {self.spec.reserve.most}"
        at = ("memcached", "reserve")
        return Expectation(
            check=f"memcached.{aspect}", subject="memcached", at=at, expected=expected, severity=severity
        )

    def evaluate(self, expectation: Expectation, limit: Limit, note: str = "") -> Result:
        """Judge a known limit against the one before it and the rule; never ok where the one before is unknown."""
        result = self._evaluate(expectation, limit, note)
        if self.gap and result.verdict is Verdict.OK:
            return expectation.unknown(f"whether {limit.text} is as it should be is not known: {self.gap}")
        return result

    def _evaluate(self, expectation: Expectation, limit: Limit, note: str) -> Result:
        if self.upstream and self.upstream[1].mib == limit.mib:
            return expectation.ok(limit.text, f"the same as {self.upstream[0]}{note}")
        if isinstance(self.rule, Unanswered):
            return expectation.unknown(f"whether {limit.text} is right is not known: {self.rule.reason}")
        passes = self.rule.passes(limit)
        if not self.upstream:
            if passes:
                return expectation.ok(limit.text, f"{limit.text}{note}")
            total = self.rule.total // _MIB
            leaves = f"leaves {max(0, total - limit.mib)} MiB of the machine's {total} MiB"
            should = f"it should leave {self.spec.reserve.least} to {self.spec.reserve.most}"
            fix = f"set '-m {self.rule.recommended}' in {self.spec.config}, then: {_RESTART}"
            return expectation.drift(limit.text, f"{limit.text} {leaves}: {should}{note}", fix)
        name, upstream = self.upstream
        if passes and not self.rule.passes(upstream):
            return expectation.ok(limit.text, f"within the rule, unlike {name}{note}")
        return expectation.drift(limit.text, f"{name} says {upstream.text}: restart needed{note}", _RESTART)


def evaluate(spec: MemcachedSpec, answers: Answers) -> Iterator[Result]:
    """Judge the file, the process and the server, in this order."""
    chain = _Chain(spec, _rule(spec, memory_total(answers[MEMORY])))
    written = configured_limit(answers[config_probe(spec)])
    expectation = chain.ask("configured")
    yield (
        expectation.unknown(written.reason)
        if isinstance(written, Unanswered)
        else chain.evaluate(expectation, written)
    )

    chain = chain.then(spec.config, written)
    running = running_processes(answers[PROCESSES])
    if isinstance(running, Unanswered):
        yield chain.ask("running").unknown(running.reason)
        yield _evaluate_server(
            chain.then("the process", running), served_limit(answers[settings_probe(spec)]), None
        )
        return
    process = _pick(running, spec)
    if not process:
        yield _not_running(chain, running)
        return
    note = f"; {len(running)} memcached processes run, judged is {process.pid}" if len(running) > 1 else ""
    yield chain.evaluate(chain.ask("running"), process.limit, note)
    yield _evaluate_server(
        chain.then("the process", process.limit), served_limit(answers[settings_probe(spec)]), process
    )


def _pick(running: tuple[MemcachedProcess, ...], spec: MemcachedSpec) -> MemcachedProcess | None:
    """Pick the process on the expected port; a single one on another port is the one that is meant too."""
    on_port = [process for process in running if process.port == str(spec.port)]
    if on_port:
        return on_port[0]
    return running[0] if len(running) == 1 else None


def _not_running(chain: _Chain, others: tuple[MemcachedProcess, ...]) -> Result:
    # Nothing caches at all: somebody has to get up for that, other than for a wrong limit.
    expectation = chain.ask("running", Severity.CRITICAL)
    if others:
        ports = ", ".join(process.port for process in others)
        return expectation.drift(
            "not running", f"no memcached on port {chain.spec.port}, but on {ports}", _RESTART
        )
    return expectation.drift("not running", "no memcached process", "service memcached start")


def _evaluate_server(chain: _Chain, limit: Limit | Unanswered, process: MemcachedProcess | None) -> Result:
    expectation = chain.ask("limit")
    if not isinstance(limit, Unanswered):
        return chain.evaluate(expectation, limit)
    spec = chain.spec
    reason = f"no limit from {spec.address}:{spec.port}: {limit.reason}"
    if process and (process.port != str(spec.port) or process.listen not in ("", spec.address)):
        reason += f"; the process listens with -l {process.listen or 'any'} -p {process.port}"
    return expectation.unknown(reason)


def measure(spec: MemcachedSpec, answers: Answers) -> Iterator[Measurement]:
    """Give the machine's memory and each limit that is known, in bytes."""
    total = memory_total(answers[MEMORY])
    if isinstance(total, int):
        yield Measurement("memory_total_bytes", total)
    running = running_processes(answers[PROCESSES])
    process = None if isinstance(running, Unanswered) else _pick(running, spec)
    limits = {
        "configured": configured_limit(answers[config_probe(spec)]),
        "running": process and process.limit,
        "served": served_limit(answers[settings_probe(spec)]),
    }
    for source, limit in limits.items():
        if isinstance(limit, Limit):
            yield Measurement("memcached_limit_bytes", limit.mib * _MIB, source)


CHECKER = Checker(
    section="memcached",
    model=MemcachedSpec,
    # A wrong limit makes the site slow or the machine short of memory, not down: a warning.
    ids=(
        Check(
            "memcached.configured",
            Severity.WARNING,
            "the -m in its configuration breaks the rule",
            "set `-m` in the file, then `service memcached restart`",
        ),
        Check(
            "memcached.running",
            Severity.WARNING,
            "it runs with another -m than configured, or not at all",
            "`service memcached restart`, or `start`",
        ),
        Check(
            "memcached.limit",
            Severity.WARNING,
            "the server's own limit is not what its process was given",
            "`service memcached restart`",
        ),
    ),
    collected="MemTotal, the configuration file, `ps`, and the server's `stats settings` by bash's /dev/tcp",
    probes=probes,
    evaluate=evaluate,
    measure=measure,
)
