"""Probes of a host's Docker Engine: the Docker SDK's APIClient over any stream that a transport opens.

The SDK's own `ssh://` is not used: it connects again for every URL, with a host-key policy that callers cannot
set. An engine may be hostile, broken or slow. One deadline and size limits bound everything that it sends.
Nothing that it sends leads to another destination. A probe whose answer exceeds a limit is unanswered.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from functools import partial

from olaudit.facts.engines import DOCKER_SOCKET, Engines, parse_engines
from olaudit.model import Answer, Answered, EngineProbe, Probe, Unanswered, Unknown
from olaudit.transport import Deadline, background
from olaudit.transport.engine.errors import BrokenStream, EngineError, EngineUnreachable
from olaudit.transport.engine.http_streams import StreamPool
from olaudit.transport.engine.prober import EngineProber
from olaudit.transport.engine.stream import Dial, deadline_exceeded

__all__ = ["ENGINE_SECONDS", "Dial", "EngineUnreachable", "ask_engine", "ask_running_engine"]

ENGINE_SECONDS = 15.0
"""Time limit of an engine's answers. A `docker builder prune` blocks an engine for 10 to 50 minutes."""

_GRACE_SECONDS = 0.25
"""Time after the deadline in which threads may still report their own, more precise reason."""


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
    engine_deadline = Deadline.after(min(ENGINE_SECONDS, deadline.remaining()))
    streams = StreamPool(dial, engine_deadline)
    prober = EngineProber(streams, engine_deadline)
    try:
        futures = {probe: background.start("engine", partial(prober.ask, probe)) for probe in probes}
        answered, _ = wait(futures.values(), engine_deadline.remaining() + _GRACE_SECONDS)
    finally:
        # In a thread: closing a channel of an SSH connection sends a message, which may block on the network.
        threading.Thread(target=streams.close, daemon=True, name="engine close").start()
    explanation = explain() if any(isinstance(future.exception(), BrokenStream) for future in answered) else ""
    late = Unanswered(str(deadline_exceeded(engine_deadline)))
    return {
        probe: _answer(future, explanation) if future in answered else late for probe, future in futures.items()
    }


def _answer(future: Future[str], explanation: str) -> Answer:
    """Return the answer of a probe that has ended. Raises what the probe raised, if that is a bug."""
    try:
        return Answered(future.result())
    except BrokenStream as error:
        return Unanswered(explanation or str(error))
    except EngineError as error:
        return Unanswered(str(error))
