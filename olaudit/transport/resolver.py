"""Forward and reverse lookups of names by the resolver of the auditing machine."""

import json
import socket
from collections.abc import Sequence
from concurrent.futures import wait
from functools import partial

from olaudit.model import Answer, Answered, Lookup, Probe, Unanswered
from olaudit.transport import Deadline, background
from olaudit.transport.reasons import describe_error

_LOOKUP_SECONDS = 8.0
"""Time limit of the lookups. The resolver has no timeout that can be set."""

_NO_SUCH_NAME = (1, 4)
"""HOST_NOT_FOUND and NO_DATA of netdb.h, which are answers. The other codes report that there was no answer."""


def look_up_names(lookups: Sequence[Lookup], deadline: Deadline) -> dict[Probe, Answer]:
    """Resolve all names in parallel, within `_LOOKUP_SECONDS` and the deadline."""
    # One daemon thread per name: a resolver that hangs cannot be interrupted, only abandoned
    tasks = [background.start(f"resolve {lookup.name}", partial(_answer, lookup.name)) for lookup in lookups]
    seconds = min(_LOOKUP_SECONDS, deadline.remaining())
    late = Unanswered(f"the auditor's resolver gave no answer within {seconds:.2g} s")
    answered, _ = wait(tasks, seconds)
    return {
        lookup: task.result() if task in answered else late for lookup, task in zip(lookups, tasks, strict=True)
    }


def _answer(name: str) -> Answer:
    try:
        entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}:
            return Answered(json.dumps({"addresses": [], "names": {}}))
        return Unanswered(f"the auditor's resolver failed for {name}: {error.strerror}")
    except (OSError, ValueError) as error:  # ValueError: the name cannot be encoded
        return Unanswered(f"the auditor's resolver failed for {name}: {error}")
    addresses = sorted({str(entry[4][0]) for entry in entries})
    try:
        names = {address: _names_of(address) for address in addresses}
    except (OSError, UnicodeError) as error:
        return Unanswered(f"the auditor's resolver failed for an address of {name}: {describe_error(error)}")
    return Answered(json.dumps({"addresses": addresses, "names": names}))


def _names_of(address: str) -> list[str]:
    """Return the names of an address, sorted; an empty list where it has none. Raises OSError."""
    try:
        name, aliases, _ = socket.gethostbyaddr(address)
    except socket.herror as error:
        if error.errno in _NO_SUCH_NAME:
            return []
        raise
    return sorted({name, *aliases})
