"""Probes of a host's Docker Engine: the Docker SDK's APIClient over any stream that a transport opens.

The SDK's own `ssh://` is not used: it connects again for every URL, with a host-key policy that callers cannot
set. An engine may be hostile, broken or slow. One deadline and size limits bound everything that it sends.
Nothing that it sends leads to another destination. A probe whose answer exceeds a limit is unanswered.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from olaudit.facts.engines import DOCKER_SOCKET, Engines, parse_engines
from olaudit.model import Answer, Answered, EngineProbe, Probe, Unanswered, Unknown
from olaudit.transport import Deadline
from olaudit.transport.engine.errors import BrokenStream, EngineError, EngineUnreachable
from olaudit.transport.engine.http_streams import StreamPool
from olaudit.transport.engine.prober import EngineProber
from olaudit.transport.engine.stream import Dial, deadline_exceeded
from olaudit.transport.engine.workers import Workers

__all__ = ["ENGINE_SECONDS", "Dial", "EngineUnreachable", "ask_engine", "ask_running_engine"]

ENGINE_SECONDS = 15.0
"""Time limit of an engine's answers. A `docker builder prune` blocks an engine for 10 to 50 minutes."""

_MAX_STREAMS = 8
_GRACE_SECONDS = 0.25
"""Time after the deadline in which threads may still report their own, more precise reason."""

ProbeOutcome = tuple[EngineProbe, str | Exception]


def ask_running_engine(
    probes: Sequence[EngineProbe],
    find_engines: Callable[[], Answer],
    dial: Dial,
    deadline: Deadline,
    explain: Callable[[], str],
) -> dict[Probe, Answer]:
    """Send the probes to the engine, unless connecting to it could start it.

    `find_engines` runs the script of `facts.engines` on the host. If an operator stops the engine between that
    answer and the connection, the connection starts it again; only a connection could rule that out. The two
    follow each other as closely as possible, and no stream is dialled after one that broke.
    """
    answer = find_engines()
    engines = Unknown(answer.reason) if isinstance(answer, Unanswered) else parse_engines(answer)
    if reason := obstacle(engines):
        return dict.fromkeys(probes, Unanswered(reason))
    return ask_engine(probes, dial, deadline, explain)


def obstacle(engines: Engines | Unknown) -> str:
    """Return why the engine must not be contacted. Empty if it is already running."""
    not_contacted = "it was not contacted because connecting could start it"
    if isinstance(engines, Unknown):
        return f"whether a Docker Engine runs there could not be determined: {engines.reason}; {not_contacted}"
    if engines.foreign_socket:
        return (
            f"{DOCKER_SOCKET} leads to {engines.foreign_socket} there, which is not the Docker Engine's; "
            f"{not_contacted}"
        )
    if engines.serving:
        return ""
    if engines.on_other_sockets:
        command = engines.on_other_sockets[0][:200]
        return f"a Docker Engine runs there, but not for {DOCKER_SOCKET} ({command}); {not_contacted}"
    return f"the Docker Engine is not running there: no process is dockerd; {not_contacted}"


def ask_engine(
    probes: Sequence[EngineProbe], dial: Dial, deadline: Deadline, explain: Callable[[], str]
) -> dict[Probe, Answer]:
    """Send all probes in parallel to the engine that `dial` connects to. Returns by the deadline.

    `explain` is called after a stream broke. It returns the host's explanation, "" if there is none.
    """
    engine_deadline = _at_most(ENGINE_SECONDS, deadline)
    streams = StreamPool(dial, engine_deadline)
    workers = Workers(_MAX_STREAMS, engine_deadline)
    prober = EngineProber(streams, workers)
    queued: queue.SimpleQueue[ProbeOutcome] = queue.SimpleQueue()
    try:
        for probe in probes:
            workers.submit(partial(_ask, prober, probe, queued))
        outcomes = dict(_collect(len(probes), queued, engine_deadline))
    finally:
        workers.close()
        # In a thread: closing a channel of an SSH connection sends a message, which may block on the network.
        threading.Thread(target=streams.close, daemon=True, name="engine close").start()
    explanation = explain() if any(isinstance(outcome, BrokenStream) for outcome in outcomes.values()) else ""
    late = deadline_exceeded(engine_deadline)
    return {probe: _answer(outcomes.get(probe, late), explanation) for probe in probes}


def _at_most(seconds: float, deadline: Deadline) -> Deadline:
    seconds = min(seconds, deadline.remaining())
    return Deadline(time.monotonic() + seconds, seconds)


def _ask(prober: EngineProber, probe: EngineProbe, queued: queue.SimpleQueue[ProbeOutcome]) -> None:
    try:
        queued.put((probe, prober.ask(probe)))
    except Exception as error:  # noqa: BLE001 - a reason, or a bug: raised again by `_answer`
        queued.put((probe, error))


def _collect(count: int, queued: queue.SimpleQueue[ProbeOutcome], deadline: Deadline) -> list[ProbeOutcome]:
    outcomes: list[ProbeOutcome] = []
    while len(outcomes) < count:
        try:
            outcomes.append(queued.get(timeout=deadline.remaining() + _GRACE_SECONDS))
        except queue.Empty:
            break
    return outcomes


def _answer(outcome: str | Exception, explanation: str) -> Answer:
    match outcome:
        case str():
            return Answered(outcome)
        case BrokenStream():
            return Unanswered(explanation or str(outcome))
        case EngineError():
            return Unanswered(str(outcome))
        case _:
            raise outcome
