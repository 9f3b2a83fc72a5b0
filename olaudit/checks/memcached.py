"""memcached.*: memcached's memory limit in its configuration file, in its process and in the server itself.

A limit that is too low loses the cache (without `-m`, memcached's limit is 64 MB). One that is too high takes the
machine's memory: internetarchive/openlibrary#7397, #9000. The file sets the process's arguments, and these set the
server's limit. One cause gives one finding, so each limit is compared with the one before it: passing on a wrong
value is ok, and a correct value after a wrong one is not a second drift.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from olaudit.checker import Checker
from olaudit.facts import memory
from olaudit.facts.memcached import PROCESSES, Limit, MemcachedProcess, configuration, settings
from olaudit.language import AbsolutePath, Section, Size, parse_size
from olaudit.model import Check, Expectation, Fact, Facts, Measurement, Metric, Result, Severity, Unknown, Verdict

_MIB = 1 << 20
_RESTART = "service memcached restart"


class Reserve(Section):
    """The memory that memcached's limit must leave to the rest of the machine."""

    least: Size
    most: Size

    @model_validator(mode="after")
    def _least_not_above_most(self) -> Self:
        if parse_size(self.least) > parse_size(self.most):
            raise ValueError(f"least ({self.least}) is more than most ({self.most})")
        return self


class MemcachedSpec(Section):
    """memcached's memory limit, address and configuration. The host itself connects to `address`."""

    reserve: Reserve
    address: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.:-]*$")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 11211
    config: AbsolutePath = "/etc/memcached.conf"


# A wrong limit makes the site slow or the machine short of memory, not down: warnings.
CONFIGURED = Check(
    "memcached.configured",
    Severity.WARNING,
    "the -m in its configuration is outside the allowed range",
    "set `-m` in the file, then `service memcached restart`",
)
RUNNING = Check(
    "memcached.running",
    Severity.WARNING,
    "it runs with another -m than configured, or does not run",
    "`service memcached restart`, or `start`",
)
LIMIT = Check(
    "memcached.limit",
    Severity.WARNING,
    "the server's own limit differs from its process's -m",
    "`service memcached restart`",
)

LIMIT_BYTES = Metric(
    "memcached_limit_bytes",
    "Memory limit of memcached by source: configured (file), running (process), served (server). Alert if "
    "they differ.",
    by_source=True,
)
TOTAL_BYTES = Metric("memory_total_bytes", "Total memory of the host, from /proc/meminfo.")


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


def _allowed_range(spec: MemcachedSpec, total: int | Unknown) -> _AllowedRange | Unknown:
    if isinstance(total, Unknown):
        return total
    low = -((parse_size(spec.reserve.most) - total) // _MIB)
    high = (total - parse_size(spec.reserve.least)) // _MIB
    if high < 1:
        return Unknown(f"MemTotal is {total // _MIB} MiB, less than the reserve of {spec.reserve.least}")
    return _AllowedRange(low, high, total)


@dataclass(frozen=True, slots=True)
class _LimitChain:
    """The context of the next limit's evaluation. `upstream` is the nearest known limit before it, with its name.

    `gap` is the reason why the limit directly before it is unknown, if it is. Then no limit counts as equal to it.
    `based_on` lists the facts of this context: limits before a known one have no effect.
    """

    spec: MemcachedSpec
    allowed: _AllowedRange | Unknown
    upstream: tuple[str, Limit] | None = None
    gap: str = ""
    based_on: tuple[Fact[Any], ...] = (memory.TOTAL,)

    def after(self, name: str, fact: Fact[Any], limit: Limit | Unknown) -> "_LimitChain":
        if isinstance(limit, Unknown):
            gap = f"the limit of {name} is unknown: {limit.reason}"
            return replace(self, gap=gap, based_on=(*self.based_on, fact))
        return _LimitChain(self.spec, self.allowed, (name, limit), based_on=(memory.TOTAL, fact))

    def expect(self, check: Check, fact: Fact[Any], severity: Severity | None = None) -> Expectation:
        if isinstance(self.allowed, Unknown):
            expected = f"MemTotal less {self.spec.reserve.least} to {self.spec.reserve.most}"
        else:
            expected = f"{self.allowed.low} to {self.allowed.high} MiB"
        based_on = (*self.based_on, fact)
        return check.expect("memcached", ("memcached", "reserve"), expected, severity=severity, based_on=based_on)

    def evaluate(self, expectation: Expectation, limit: Limit, note: str = "") -> Result:
        """Evaluate a known limit against the one before it and the range; not ok if the one before is unknown."""
        result = self._evaluate(expectation, limit, note)
        if self.gap and result.verdict is Verdict.OK:
            return expectation.unknown(f"cannot evaluate the limit {limit.text}: {self.gap}")
        return result

    def _evaluate(self, expectation: Expectation, limit: Limit, note: str) -> Result:
        if self.upstream and self.upstream[1].mib == limit.mib:
            return expectation.ok(limit.text, f"the same as {self.upstream[0]}{note}")
        allowed = self.allowed
        if isinstance(allowed, Unknown):
            return expectation.unknown(f"cannot evaluate the limit {limit.text}: {allowed.reason}")
        is_allowed = allowed.contains(limit)
        if not self.upstream:
            if is_allowed:
                return expectation.ok(limit.text, f"{limit.text}{note}")
            total = allowed.total // _MIB
            remaining = f"leaves {max(0, total - limit.mib)} MiB of the machine's {total} MiB"
            reserve = f"it should leave {self.spec.reserve.least} to {self.spec.reserve.most}"
            fix = f"set '-m {allowed.recommended}' in {self.spec.config}, then: {_RESTART}"
            return expectation.drift(limit.text, f"{limit.text} {remaining}: {reserve}{note}", fix)
        name, upstream = self.upstream
        if is_allowed and not allowed.contains(upstream):
            return expectation.ok(limit.text, f"within the allowed range, unlike {name}{note}")
        message = f"{limit.text} differs from the value of {name}, {upstream.text}: restart needed{note}"
        return expectation.drift(limit.text, message, _RESTART)


def evaluate(spec: MemcachedSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate the limits of the file, the process and the server, in this order."""
    config = configuration(spec.config)
    first = _LimitChain(spec, _allowed_range(spec, facts[memory.TOTAL]))
    expectation = first.expect(CONFIGURED, config)
    yield expectation.evaluate(facts[config], partial(first.evaluate, expectation))
    chain = first.after(spec.config, config, facts[config])
    running, note = facts[PROCESSES], ""
    limit: Limit | Unknown
    if isinstance(running, Unknown):
        process, limit = None, running
    elif process := _select_process(running, spec):
        limit = process.limit
        if len(running) > 1:
            note = f"; {len(running)} memcached processes run, process {process.pid} was evaluated"
    else:
        yield _not_running(first, running)
        return
    expectation = (chain if isinstance(limit, Limit) else first).expect(RUNNING, PROCESSES)
    yield expectation.evaluate(limit, partial(chain.evaluate, expectation, note=note))
    yield _evaluate_server(chain.after("the process", PROCESSES, limit), facts, process)


def _select_process(running: Sequence[MemcachedProcess], spec: MemcachedSpec) -> MemcachedProcess | None:
    """Select the process on the expected port, else the only process, on any port."""
    on_port = [process for process in running if process.port == str(spec.port)]
    return (on_port or running)[0] if on_port or len(running) == 1 else None


def _not_running(chain: _LimitChain, others: Sequence[MemcachedProcess]) -> Result:
    # Critical, unlike a wrong limit: nothing is cached at all.
    expectation = chain.expect(RUNNING, PROCESSES, Severity.CRITICAL)
    if others:
        ports = ", ".join(process.port for process in others)
        message = f"no memcached on port {chain.spec.port}, but on {ports}"
        return expectation.drift("not running", message, _RESTART)
    return expectation.drift("not running", "no memcached process", "service memcached start")


def _evaluate_server(chain: _LimitChain, facts: Facts, process: MemcachedProcess | None) -> Result:
    spec = chain.spec
    fact = settings(spec.address, spec.port)
    expectation, limit = chain.expect(LIMIT, fact), facts[fact]
    if not isinstance(limit, Unknown):
        return chain.evaluate(expectation, limit)
    reason = f"no limit from {spec.address}:{spec.port}: {limit.reason}"
    if process and (process.port != str(spec.port) or process.listen not in ("", spec.address)):
        reason += f"; the process listens with -l {process.listen or 'any'} -p {process.port}"
    return expectation.unknown(reason)


def measure(spec: MemcachedSpec, facts: Facts) -> Iterator[Measurement]:
    """Return the machine's memory and each known limit, in bytes."""
    total = facts[memory.TOTAL]
    if not isinstance(total, Unknown):
        yield Measurement(TOTAL_BYTES, total)
    running = facts[PROCESSES]
    process = None if isinstance(running, Unknown) else _select_process(running, spec)
    limits = {
        "configured": facts[configuration(spec.config)],
        "running": process and process.limit,
        "served": facts[settings(spec.address, spec.port)],
    }
    for source, limit in limits.items():
        if isinstance(limit, Limit):
            yield Measurement(LIMIT_BYTES, limit.mib * _MIB, source)


CHECKER = Checker(
    section="memcached",
    model=MemcachedSpec,
    checks=(CONFIGURED, RUNNING, LIMIT),
    collected="MemTotal, the configuration file, `ps`, and the server's `stats settings` by bash's /dev/tcp",
    facts=lambda spec: (memory.TOTAL, PROCESSES, configuration(spec.config), settings(spec.address, spec.port)),
    evaluate=evaluate,
    measure=measure,
    metrics=(LIMIT_BYTES, TOTAL_BYTES),
)
