"""Tasks in daemon threads, which are abandoned if they do not end."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def start(name: str, task: Callable[[], T]) -> Future[T]:
    """Run `task` in a separate thread, and return the future of its result."""
    future: Future[T] = Future()
    threading.Thread(target=complete, args=(future, task), daemon=True, name=name).start()
    return future


def complete(future: Future[T], task: Callable[[], T]) -> None:
    """Run `task` in this thread, and store what it returns or raises in `future`."""
    try:
        future.set_result(task())
    except BaseException as error:  # noqa: BLE001 - raised again where the result is read
        future.set_exception(error)
