"""Parallel requests to one engine, in daemon threads that are never joined."""

import collections
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from functools import partial
from typing import TypeVar

from olaudit.transport import Deadline, background
from olaudit.transport.engine.stream import deadline_exceeded

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")

MAX_THREADS = 8


def map_parallel(
    function: Callable[[InputT], OutputT], inputs: Sequence[InputT], deadline: Deadline
) -> list[OutputT]:
    """Apply `function` to all inputs. Raises what `function` raises, and EngineError after the deadline."""
    futures: list[Future[OutputT]] = [Future() for _ in inputs]
    pending = collections.deque(zip(futures, inputs, strict=True))
    for _ in range(min(MAX_THREADS, len(inputs))):
        background.start("engine", partial(_drain, function, pending))
    ended, remaining = wait(futures, deadline.timeout(), FIRST_EXCEPTION)
    pending.clear()
    for future in ended:
        if error := future.exception():
            raise error
    if remaining:
        raise deadline_exceeded(deadline)
    return [future.result() for future in futures]


def _drain(
    function: Callable[[InputT], OutputT], pending: collections.deque[tuple[Future[OutputT], InputT]]
) -> None:
    while True:
        try:
            future, input_ = pending.popleft()
        except IndexError:
            return
        background.complete(future, partial(function, input_))
