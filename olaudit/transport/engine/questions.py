"""The questions to an engine. Each gives its answer as JSON, or raises EngineError."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from olaudit.model import ContainerChanges, EngineProbe, EngineQuery, ImageLayers
from olaudit.transport.engine.client import Client, api_version
from olaudit.transport.engine.errors import BadAnswer, OutOfBudget, Refusal
from olaudit.transport.engine.exchange import Streams
from olaudit.transport.engine.listing import Row, read_rows, shared_name, still_listed
from olaudit.transport.engine.reduction import reduced, reduced_changes, reduced_version, unreadable
from olaudit.transport.engine.workers import Workers

KEPT_BYTES = 4 << 20
"""How much JSON is kept of one question."""

_FIRST_TRY = "1.41"
"""Understood by Docker 20.10 to 28. Others refuse it, and are then asked in the version they name."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What one listed container answered: JSON, or the reason why there is none."""

    row: Row
    text: str = ""
    name: str = ""
    reason: str = ""
    not_found: bool = False


class Questions:
    """The questions to one engine. Methods are called in worker threads."""

    def __init__(self, streams: Streams, workers: Workers) -> None:
        self._streams = streams
        self._workers = workers

    def ask(self, question: EngineProbe) -> str:
        """Ask one question."""
        match question:
            case EngineQuery.VERSION:
                return json.dumps(reduced_version(self._version()))
            case EngineQuery.CONTAINERS:
                return self._containers()
            case ImageLayers(image):
                return json.dumps(self._layers(image))
            case ContainerChanges(paths):
                return self._changes(tuple(f"{path}/" for path in paths))

    def _version(self) -> Any:
        """Ask `GET /version`, which every engine answers in any version of the API."""
        return Client(self._streams, _FIRST_TRY).version(api_version=False)

    def _list(self, *, everything: bool) -> tuple[Client, list[Row]]:
        """List containers, and give the client in the version that the engine understood."""
        client = Client(self._streams, _FIRST_TRY)
        try:
            return client, read_rows(client.containers(all=everything))
        except Refusal as error:
            if error.status != HTTPStatus.BAD_REQUEST or "version" not in error.message:
                raise
        client = Client(self._streams, api_version(self._version()))
        return client, read_rows(client.containers(all=everything))

    def _containers(self) -> str:
        """List all containers, then inspect each."""
        client, rows = self._list(everything=True)
        reads = self._read_all(client, rows, _inspected, everything=True)
        names = Counter(read.name for read in reads if read.name)
        texts = []
        for read in sorted(reads, key=lambda read: (read.name, read.row.id)):
            ambiguous = shared_name(names[read.name]) if names[read.name] > 1 else ""
            if reason := read.reason or ambiguous:
                texts.append(json.dumps(unreadable(read.row.id, read.name, reason)))
            else:
                texts.append(read.text)
        return f"[{', '.join(texts)}]"

    def _changes(self, below: tuple[str, ...]) -> str:
        """Ask what was changed inside the running containers, and keep what `below` allows."""
        client, rows = self._list(everything=False)
        reads = self._read_all(client, rows, partial(_changed, below=below), everything=False)
        # One whose name is not known cannot be kept here; a container that is not in the answer is unknown.
        texts = [
            f"{json.dumps(read.name)}: {read.text or json.dumps({'Unreadable': read.reason})}"
            for read in reads
            if read.name
        ]
        return f"{{{', '.join(texts)}}}"

    def _read_all(
        self, client: Client, rows: Sequence[Row], ask: Callable[[Client, Row], _Read], *, everything: bool
    ) -> list[_Read]:
        """Ask about each row, in parallel. One that is not found is left out if it is not listed any more."""
        size = _Size()
        reads = self._workers.map(lambda row: size.add(_read(client, row, ask)), rows)
        if not (not_found := [read.row for read in reads if read.not_found]):
            return reads
        listed = still_listed(read_rows(client.containers(all=everything)), not_found)
        return [read for read in reads if not read.not_found or read.row in listed]

    def _layers(self, image: str) -> list[str]:
        """Ask for the layers of an image; an image that is not there has none."""
        client, _ = self._list(everything=False)
        try:
            inspected = client.inspect_image(image)  # type: ignore[no-untyped-call]  # by the stubs
        except Refusal as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            if client.images(name=image) != []:
                raise BadAnswer(f"Docker lists the image {image}, and answers that there is none") from None
            return []
        root = inspected.get("RootFS") if isinstance(inspected, dict) else None
        layers = root.get("Layers") if isinstance(root, dict) else None
        if not isinstance(layers, list) or not layers or not all(isinstance(layer, str) for layer in layers):
            raise BadAnswer(f"Docker's answer could not be parsed: no layers of the image {image}")
        return layers


class _Size:
    """Counts what is kept of all containers together."""

    def __init__(self) -> None:
        self._size = 0

    def add(self, read: _Read) -> _Read:
        self._size += len(read.text)
        if self._size > KEPT_BYTES:
            raise OutOfBudget(f"what is read of Docker's containers takes more than {KEPT_BYTES >> 20} MiB")
        return read


def _read(client: Client, row: Row, ask: Callable[[Client, Row], _Read]) -> _Read:
    """Ask about one container. What cannot be read is a reason; only what concerns all of them is raised."""
    failed = _Read(row, name=row.name)
    if row.reason:
        return replace(failed, reason=row.reason)
    try:
        return ask(client, row)
    except Refusal as error:
        not_found = error.status == HTTPStatus.NOT_FOUND
        reason = "Docker lists it, and answers that there is no such container" if not_found else str(error)
        return replace(failed, reason=reason, not_found=not_found)
    except BadAnswer as error:
        return replace(failed, reason=str(error))


def _inspected(client: Client, row: Row) -> _Read:
    answer: Any = client.inspect_container(row.id)
    if not isinstance(answer, dict) or answer.get("Id") != row.id:
        raise BadAnswer("Docker's answer could not be parsed: no description of this container")
    description = reduced(answer)
    name = description.get("Name")
    if not isinstance(name, str) or not name.removeprefix("/"):
        raise BadAnswer("Docker's answer could not be parsed: it does not name the container")
    return _Read(row, json.dumps(description), name.removeprefix("/"))


def _changed(client: Client, row: Row, below: tuple[str, ...]) -> _Read:
    return _Read(row, json.dumps(reduced_changes(client.diff(row.id), below)), row.name)
