"""Questions to a host's Docker Engine: the Docker SDK's APIClient over any stream that a transport opens.

Never the SDK's own `ssh://`, which connects again for every URL and under a host-key policy that callers
cannot set. An engine may be hostile, broken or slow: everything is bounded by one deadline and by sizes, nothing
that it sends leads to another destination, and what it sends beyond the bounds is unanswered, with the reason.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from olaudit.engine_process import obstacle, read_engines
from olaudit.model import Answer, Answered, EngineProbe, Probe, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.engine.errors import EngineError, NoEngine, StreamBroke
from olaudit.transport.engine.exchange import Streams
from olaudit.transport.engine.questions import Questions
from olaudit.transport.engine.stream import Dial, out_of_time
from olaudit.transport.engine.workers import Workers

__all__ = ["ENGINE_SECONDS", "Dial", "NoEngine", "ask_engine", "ask_running_engine"]

ENGINE_SECONDS = 15.0
"""How long one answer of an engine may take. A `docker builder prune` blocks an engine for 10-50 minutes."""

_STREAMS = 8
_GRACE_SECONDS = 0.25
"""How long after the deadline threads may take to give their own, more precise reason."""

Outcome = tuple[EngineProbe, str | Exception]


def ask_running_engine(
    wanted: Sequence[EngineProbe],
    look: Callable[[], Answer],
    dial: Dial,
    deadline: Deadline,
    explain: Callable[[], str],
) -> dict[Probe, Answer]:
    """Ask the engine, unless connecting to it could start it.

    `look` runs the script of `engine_process` there. Between its answer and the connection an
    operator may stop the engine, which the connection then starts again: only a connection could exclude that.
    The two follow each other as closely as possible, and no stream is dialled after one that broke.
    """
    if reason := obstacle(read_engines(look())):
        return dict.fromkeys(wanted, Unanswered(reason))
    return ask_engine(wanted, dial, deadline, explain)


def ask_engine(
    wanted: Sequence[EngineProbe], dial: Dial, deadline: Deadline, explain: Callable[[], str]
) -> dict[Probe, Answer]:
    """Ask the engine behind `dial` all `wanted` questions at once. Returns when the deadline has passed.

    `explain` is called after a stream broke, for the host's own explanation ("" if there is none).
    """
    until = _at_most(ENGINE_SECONDS, deadline)
    streams = Streams(dial, until)
    workers = Workers(_STREAMS, until)
    questions = Questions(streams, workers)
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    try:
        for question in wanted:
            workers.submit(partial(_ask, questions, question, outcomes))
        outcomes_by_question = dict(_collect(len(wanted), outcomes, until))
    finally:
        workers.close()
        # Beside: to close a channel of an SSH connection is a message, which may have to wait for the network.
        threading.Thread(target=streams.close, daemon=True, name="engine close").start()
    explained = (
        explain() if any(isinstance(outcome, StreamBroke) for outcome in outcomes_by_question.values()) else ""
    )
    late = out_of_time(until)
    return {question: _answer(outcomes_by_question.get(question, late), explained) for question in wanted}


def _at_most(seconds: float, deadline: Deadline) -> Deadline:
    seconds = min(seconds, deadline.left())
    return Deadline(time.monotonic() + seconds, seconds)


def _ask(questions: Questions, question: EngineProbe, outcomes: queue.SimpleQueue[Outcome]) -> None:
    try:
        outcomes.put((question, questions.ask(question)))
    except Exception as error:  # noqa: BLE001 - a reason, or a bug: raised again by `_answer`
        outcomes.put((question, error))


def _collect(count: int, outcomes: queue.SimpleQueue[Outcome], until: Deadline) -> list[Outcome]:
    collected: list[Outcome] = []
    while len(collected) < count:
        try:
            collected.append(outcomes.get(timeout=until.left() + _GRACE_SECONDS))
        except queue.Empty:
            break
    return collected


def _answer(outcome: str | Exception, explained: str) -> Answer:
    match outcome:
        case str():
            return Answered(outcome)
        case StreamBroke():
            return Unanswered(explained or str(outcome))
        case EngineError():
            return Unanswered(str(outcome))
        case _:
            raise outcome
