"""Distribution of a host's probes: commands in one batch, Docker and name lookups in the background meanwhile."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from olaudit.model import Answer, Command, EngineProbe, Lookup, Probe, Unanswered
from olaudit.transport import Deadline, background
from olaudit.transport.resolver import look_up_names

_GRACE_SECONDS = 0.4
"""How long after the deadline an answer is still accepted. A task that observes the deadline ends before that."""

RunBatch = Callable[[Sequence[Command]], dict[Probe, Answer]]
"""Answers all commands, and `ConnectionProbe.CLOCK`."""

AskEngine = Callable[[Sequence[EngineProbe]], dict[Probe, Answer]]


def dispatch(
    host: str, probes: Sequence[Probe], deadline: Deadline, run_batch: RunBatch, ask_engine: AskEngine
) -> dict[Probe, Answer]:
    """Answer all probes but `ConnectionProbe.ADDRESS`, by `deadline`. Raises what `run_batch` raises."""
    engine_probes = tuple(probe for probe in probes if isinstance(probe, EngineProbe))
    lookups = tuple(probe for probe in probes if isinstance(probe, Lookup))
    lookup_task = background.start(f"names {host}", partial(look_up_names, lookups, deadline))
    engine_task = background.start(f"engine {host}", partial(ask_engine, engine_probes)) if engine_probes else None
    answers = run_batch(tuple(probe for probe in probes if isinstance(probe, Command)))
    if engine_task:
        answers |= _await(engine_task, engine_probes, deadline)
    return answers | _await(lookup_task, lookups, deadline)


def _await(task: Future[dict[Probe, Answer]], probes: Sequence[Probe], deadline: Deadline) -> dict[Probe, Answer]:
    """Wait for the answers of a background task. After the deadline, all its `probes` are unanswered."""
    try:
        return task.result(deadline.remaining() + _GRACE_SECONDS)
    except TimeoutError:
        return dict.fromkeys(probes, Unanswered(deadline.exceeded))
