"""Names as the auditor's own resolver sees them: forward, and back."""

from __future__ import annotations

import json
import queue
import socket
import threading
from typing import TYPE_CHECKING

from olaudit.model import Answer, Answered, Lookup, Probe, Unanswered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from olaudit.transport import Deadline

_SECONDS = 8.0
"""How long a name may take: the resolver has no time-out of its own, and no answer must not cost the others."""

_NO_SUCH_NAME = (1, 4)
"""HOST_NOT_FOUND and NO_DATA of netdb.h: answers. The others say that there was none."""


def look_up(lookups: Sequence[Lookup], deadline: Deadline) -> dict[Probe, Answer]:
    """Ask all names at once, each for no longer than there is time."""
    answers: queue.SimpleQueue[tuple[Lookup, Answer]] = queue.SimpleQueue()
    for lookup in lookups:
        # A daemon each: a resolver that hangs cannot be interrupted, only left behind
        threading.Thread(target=_ask, args=(lookup, answers), daemon=True, name=f"resolve {lookup.name}").start()
    seconds = min(_SECONDS, deadline.left())
    silent = Unanswered(f"the auditor's resolver gave no answer within {seconds:.2g} s")
    found: dict[Probe, Answer] = dict.fromkeys(lookups, silent)
    patience = type(deadline).after(seconds)
    for _ in lookups:
        try:
            lookup, answer = answers.get(timeout=patience.left())
        except queue.Empty:
            break
        found[lookup] = answer
    return found


def _ask(lookup: Lookup, answers: queue.SimpleQueue[tuple[Lookup, Answer]]) -> None:
    answers.put((lookup, _answer(lookup.name)))


def _answer(name: str) -> Answer:
    try:
        entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}:
            return Answered(json.dumps({"addresses": [], "names": {}}))
        return Unanswered(f"the auditor's resolver failed for {name}: {error.strerror}")
    except (OSError, UnicodeError) as error:
        return Unanswered(f"the auditor's resolver failed for {name}: {error}")
    addresses = sorted({str(entry[4][0]) for entry in entries})
    try:
        names = {one: _back(one) for one in addresses}
    except OSError as error:
        return Unanswered(f"the auditor's resolver failed for an address of {name}: {error.strerror or error}")
    return Answered(json.dumps({"addresses": addresses, "names": names}))


def _back(address: str) -> list[str]:
    """Give the names of an address; none is a plain fact, and few machines have more than one."""
    try:
        name, aliases, _ = socket.gethostbyaddr(address)
    except socket.herror as error:
        if error.errno in _NO_SUCH_NAME:
            return []
        raise
    return sorted({name, *aliases})
