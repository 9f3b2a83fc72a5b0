"""memcached.*: memcached's memory limit in its configuration file, in its process and in the server itself.

A limit that is too low loses the cache (without `-m`, memcached's limit is 64 MB). One that is too high takes the
machine's memory: internetarchive/openlibrary#7397, #9000. The file sets the process's arguments, and these set the
server's limit. One cause gives one finding, so each limit is compared with the one before it: passing on a wrong
value is ok, and a correct value after a wrong one is not a second drift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from olaudit.checker import Checker
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
from olaudit.model import Answers, Check, Command, Expectation, Measurement, Result, Severity, Unanswered, Verdict

_MIB = 1 << 20
_RESTART = "service memcached restart"


def probes(spec: MemcachedSpec) -> tuple[Command, ...]:
    """List the probes: the machine's memory and the three limits."""
    return (MEMORY, PROCESSES, config_probe(spec), settings_probe(spec))


@dataclass(frozen=True, slots=True)
class _AllowedRange:
    """The allowed limits in MiB, both ends included. `total` is the machine's memory in bytes."""

    low: int
    high: int
    total: int

    def contains(self, limit: Limit) -> bool:
        return self.low <= limit.mib <= self.high

    @property
    def recommended(self) -> int:
        """The limit that leaves about 300 MB, if the range contains it, else the highest one.

        The fleet's notes say: "if the machine has 9.7GB, use -m 9300 or a bit higher".
        """
        rounded = (self.total - 300 * _MIB) // (100 * _MIB) * 100
        return rounded if self.low <= rounded <= self.high else self.high


def _allowed_range(spec: MemcachedSpec, total: int | Unanswered) -> _AllowedRange | Unanswered:
    if isinstance(total, Unanswered):
        return total
    low = -((parse_size(spec.reserve.most) - total) // _MIB)
    high = (total - parse_size(spec.reserve.least)) // _MIB
    if high < 1:
        return Unanswered(f"MemTotal is {total // _MIB} MiB, less than the reserve of {spec.reserve.least}")
    return _AllowedRange(low, high, total)


@dataclass(frozen=True, slots=True)
class _LimitChain:
    """The context of the next limit's evaluation. `upstream` is the nearest known limit before it, with its name.

    `gap` is the reason why the limit directly before it is unknown, if it is. Then no limit counts as equal to it.
    """

    spec: MemcachedSpec
    allowed: _AllowedRange | Unanswered
    upstream: tuple[str, Limit] | None = None
    gap: str = ""

    def after(self, name: str, limit: Limit | Unanswered) -> _LimitChain:
        if isinstance(limit, Unanswered):
            gap = f"the limit of {name} is unknown: {limit.reason}"
            return _LimitChain(self.spec, self.allowed, self.upstream, gap)
        return _LimitChain(self.spec, self.allowed, (name, limit))

    def expectation(self, aspect: str, severity: Severity | None = None) -> Expectation:
        if isinstance(self.allowed, _AllowedRange):
            expected = f"{self.allowed.low} to {self.allowed.high} MiB"
        else:
            expected = f"MemTotal less {self.spec.reserve.least} to {self.spec.reserve.most}"
        at = ("memcached", "reserve")
        return Expectation(
            check=f"memcached.{aspect}", subject="memcached", at=at, expected=expected, severity=severity
        )

    def evaluate(self, expectation: Expectation, limit: Limit, note: str = "") -> Result:
        """Evaluate a known limit against the one before it and the range; not ok if the one before is unknown."""
        result = self._evaluate(expectation, limit, note)
        if self.gap and result.verdict is Verdict.OK:
            return expectation.unknown(f"cannot evaluate the limit {limit.text}: {self.gap}")
        return result

    def _evaluate(self, expectation: Expectation, limit: Limit, note: str) -> Result:
        if self.upstream and self.upstream[1].mib == limit.mib:
            return expectation.ok(limit.text, f"the same as {self.upstream[0]}{note}")
        if isinstance(self.allowed, Unanswered):
            return expectation.unknown(f"cannot evaluate the limit {limit.text}: {self.allowed.reason}")
        is_allowed = self.allowed.contains(limit)
        if not self.upstream:
            if is_allowed:
                return expectation.ok(limit.text, f"{limit.text}{note}")
            total = self.allowed.total // _MIB
            remaining = f"leaves {max(0, total - limit.mib)} MiB of the machine's {total} MiB"
            reserve = f"it should leave {self.spec.reserve.least} to {self.spec.reserve.most}"
            fix = f"set '-m {self.allowed.recommended}' in {self.spec.config}, then: {_RESTART}"
            return expectation.drift(limit.text, f"{limit.text} {remaining}: {reserve}{note}", fix)
        name, upstream = self.upstream
        if is_allowed and not self.allowed.contains(upstream):
            return expectation.ok(limit.text, f"within the allowed range, unlike {name}{note}")
        message = f"{limit.text} differs from the value of {name}, {upstream.text}: restart needed{note}"
        return expectation.drift(limit.text, message, _RESTART)


def evaluate(spec: MemcachedSpec, answers: Answers) -> Iterator[Result]:
    """Evaluate the limits of the file, the process and the server, in this order."""
    chain = _LimitChain(spec, _allowed_range(spec, memory_total(answers[MEMORY])))
    configured = configured_limit(answers[config_probe(spec)])
    expectation = chain.expectation("configured")
    yield (
        expectation.unknown(configured.reason)
        if isinstance(configured, Unanswered)
        else chain.evaluate(expectation, configured)
    )

    chain = chain.after(spec.config, configured)
    running = running_processes(answers[PROCESSES])
    if isinstance(running, Unanswered):
        yield chain.expectation("running").unknown(running.reason)
        limit = served_limit(answers[settings_probe(spec)])
        yield _evaluate_server(chain.after("the process", running), limit, None)
        return
    process = _select_process(running, spec)
    if not process:
        yield _not_running(chain, running)
        return
    several = f"; {len(running)} memcached processes run, process {process.pid} was evaluated"
    note = several if len(running) > 1 else ""
    yield chain.evaluate(chain.expectation("running"), process.limit, note)
    limit = served_limit(answers[settings_probe(spec)])
    yield _evaluate_server(chain.after("the process", process.limit), limit, process)


def _select_process(running: tuple[MemcachedProcess, ...], spec: MemcachedSpec) -> MemcachedProcess | None:
    """Select the process on the expected port, else the only process, on any port."""
    on_port = [process for process in running if process.port == str(spec.port)]
    if on_port:
        return on_port[0]
    return running[0] if len(running) == 1 else None


def _not_running(chain: _LimitChain, others: tuple[MemcachedProcess, ...]) -> Result:
    # Critical, unlike a wrong limit: nothing is cached at all.
    expectation = chain.expectation("running", Severity.CRITICAL)
    if others:
        ports = ", ".join(process.port for process in others)
        return expectation.drift(
            "not running", f"no memcached on port {chain.spec.port}, but on {ports}", _RESTART
        )
    return expectation.drift("not running", "no memcached process", "service memcached start")


def _evaluate_server(chain: _LimitChain, limit: Limit | Unanswered, process: MemcachedProcess | None) -> Result:
    expectation = chain.expectation("limit")
    if not isinstance(limit, Unanswered):
        return chain.evaluate(expectation, limit)
    spec = chain.spec
    reason = f"no limit from {spec.address}:{spec.port}: {limit.reason}"
    if process and (process.port != str(spec.port) or process.listen not in ("", spec.address)):
        reason += f"; the process listens with -l {process.listen or 'any'} -p {process.port}"
    return expectation.unknown(reason)


def measure(spec: MemcachedSpec, answers: Answers) -> Iterator[Measurement]:
    """Return the machine's memory and each known limit, in bytes."""
    total = memory_total(answers[MEMORY])
    if isinstance(total, int):
        yield Measurement("memory_total_bytes", total)
    running = running_processes(answers[PROCESSES])
    process = None if isinstance(running, Unanswered) else _select_process(running, spec)
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
    checks=(
        Check(
            "memcached.configured",
            Severity.WARNING,
            "the -m in its configuration is outside the allowed range",
            "set `-m` in the file, then `service memcached restart`",
        ),
        Check(
            "memcached.running",
            Severity.WARNING,
            "it runs with another -m than configured, or does not run",
            "`service memcached restart`, or `start`",
        ),
        Check(
            "memcached.limit",
            Severity.WARNING,
            "the server's own limit differs from its process's -m",
            "`service memcached restart`",
        ),
    ),
    collected="MemTotal, the configuration file, `ps`, and the server's `stats settings` by bash's /dev/tcp",
    facts=probes,
    evaluate=evaluate,
    measure=measure,
)
