"""Probes of an engine. Each answer is JSON; each failure is an EngineError."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from olaudit.model import ContainerChanges, ContainerFields, EngineProbe, EngineVersion, ImageLayers
from olaudit.transport import Deadline
from olaudit.transport.engine.client import EngineClient, parse_api_version
from olaudit.transport.engine.decoding import bounded
from olaudit.transport.engine.errors import ErrorResponse, InvalidAnswer
from olaudit.transport.engine.http_streams import StreamPool
from olaudit.transport.engine.listing import ListedContainer, duplicate_name_reason, parse_listing, still_listed
from olaudit.transport.engine.reduction import reduce_changes, reduce_version, select
from olaudit.transport.engine.stream import ByteBudget
from olaudit.transport.engine.workers import map_parallel

MAX_REDUCED_BYTES = 4 << 20
"""Most bytes of reduced JSON in the answer to one probe."""

_DEFAULT_API_VERSION = "1.41"
"""Version that Docker 20.10 to 28 accept. Another engine rejects it, and then receives the version it reports."""


@dataclass(frozen=True, slots=True)
class _Inspection:
    """Result for one listed container: JSON, or the reason why there is none."""

    container: ListedContainer
    text: str = ""
    name: str = ""
    reason: str = ""
    not_found: bool = False


Inspect = Callable[[EngineClient, ListedContainer], _Inspection]


class EngineProber:
    """Sender of probes to one engine. Its methods run in several threads."""

    def __init__(self, streams: StreamPool, deadline: Deadline) -> None:
        self._streams = streams
        self._deadline = deadline

    def ask(self, probe: EngineProbe) -> str:
        """Send one probe and return the answer as JSON. Raises EngineError."""
        match probe:
            case EngineVersion():
                return json.dumps(reduce_version(self._version()))
            case ContainerFields(fields):
                return self._containers(fields)
            case ImageLayers(image):
                return json.dumps(self._layers(image))
            case ContainerChanges(paths):
                return self._changes(tuple(f"{path}/" for path in paths))

    def _version(self) -> Any:
        """Request `GET /version`, which every engine answers in any version of the API."""
        return EngineClient(self._streams, _DEFAULT_API_VERSION).version(api_version=False)

    def _list(self, *, include_stopped: bool) -> tuple[EngineClient, list[ListedContainer]]:
        """List containers; also return the client, in the API version that the engine accepted."""
        client = EngineClient(self._streams, _DEFAULT_API_VERSION)
        try:
            return client, parse_listing(client.containers(all=include_stopped))
        except ErrorResponse as error:
            if error.status != HTTPStatus.BAD_REQUEST or "version" not in error.message:
                raise
        client = EngineClient(self._streams, parse_api_version(self._version()))
        return client, parse_listing(client.containers(all=include_stopped))

    def _containers(self, fields: tuple[str, ...]) -> str:
        """Inspect all containers, and keep the fields."""
        inspections = self._inspect_all(partial(_describe, fields=fields), include_stopped=True)
        names = Counter(inspection.name for inspection in inspections if inspection.name)
        texts = []
        for inspection in sorted(inspections, key=lambda inspection: (inspection.name, inspection.container.id)):
            count = names[inspection.name]
            if reason := inspection.reason or (duplicate_name_reason(count) if count > 1 else ""):
                name = inspection.name and f"/{inspection.name}"
                texts.append(json.dumps({"Id": inspection.container.id, "Name": name, "Unreadable": reason}))
            else:
                texts.append(inspection.text)
        return f"[{', '.join(texts)}]"

    def _changes(self, prefixes: tuple[str, ...]) -> str:
        """Request the changed files of the running containers, and keep the paths that begin with a prefix."""
        inspections = self._inspect_all(partial(_list_changes, prefixes=prefixes), include_stopped=False)
        # A container without a known name has no key here; a container that is missing in the answer is unknown.
        texts = [
            f"{json.dumps(inspection.name)}: {inspection.text or json.dumps({'Unreadable': inspection.reason})}"
            for inspection in inspections
            if inspection.name
        ]
        return f"{{{', '.join(texts)}}}"

    def _inspect_all(self, inspect: Inspect, *, include_stopped: bool) -> list[_Inspection]:
        """List containers and inspect them in parallel. Omit those that are not found and no longer listed."""
        client, containers = self._list(include_stopped=include_stopped)
        limit = f"{MAX_REDUCED_BYTES >> 20} MiB"
        budget = ByteBudget(MAX_REDUCED_BYTES, f"the data of Docker's containers takes more than {limit}")

        def inspect_within_budget(container: ListedContainer) -> _Inspection:
            inspection = _inspect_one(client, container, inspect)
            budget.take(len(inspection.text))
            return inspection

        inspections = map_parallel(inspect_within_budget, containers, self._deadline)
        not_found = [inspection.container for inspection in inspections if inspection.not_found]
        if not not_found:
            return inspections
        remaining = still_listed(parse_listing(client.containers(all=include_stopped)), not_found)
        return [
            inspection
            for inspection in inspections
            if not inspection.not_found or inspection.container in remaining
        ]

    def _layers(self, image: str) -> list[str]:
        """Request the layers of an image; an empty list if the image does not exist."""
        client, _ = self._list(include_stopped=False)
        try:
            inspected = client.inspect_image(image)  # type: ignore[no-untyped-call]  # by the stubs
        except ErrorResponse as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            if client.images(name=image) != []:
                message = f"Docker lists the image {image}, but answers that it does not exist"
                raise InvalidAnswer(message) from None
            return []
        root = inspected.get("RootFS") if isinstance(inspected, dict) else None
        layers = root.get("Layers") if isinstance(root, dict) else None
        if not isinstance(layers, list) or not layers or not all(isinstance(layer, str) for layer in layers):
            raise InvalidAnswer(f"Docker's answer could not be parsed: no layers of the image {image}")
        return layers


def _inspect_one(client: EngineClient, container: ListedContainer, inspect: Inspect) -> _Inspection:
    """Inspect one container. A failure of this container alone becomes its reason; any other is raised."""
    failed = _Inspection(container, name=container.name)
    if container.reason:
        return replace(failed, reason=container.reason)
    try:
        return inspect(client, container)
    except ErrorResponse as error:
        not_found = error.status == HTTPStatus.NOT_FOUND
        reason = "Docker lists it, but answers that it does not exist" if not_found else str(error)
        return replace(failed, reason=reason, not_found=not_found)
    except InvalidAnswer as error:
        return replace(failed, reason=str(error))


def _describe(client: EngineClient, container: ListedContainer, fields: tuple[str, ...]) -> _Inspection:
    answer: Any = client.inspect_container(container.id)
    if not isinstance(answer, dict) or answer.get("Id") != container.id:
        raise InvalidAnswer("Docker's answer could not be parsed: no description of this container")
    name = bounded(answer.get("Name"))
    if not isinstance(name, str) or not name.removeprefix("/"):
        raise InvalidAnswer("Docker's answer could not be parsed: it contains no name of the container")
    return _Inspection(container, json.dumps(select(answer, fields)), name.removeprefix("/"))


def _list_changes(client: EngineClient, container: ListedContainer, prefixes: tuple[str, ...]) -> _Inspection:
    changes = reduce_changes(client.diff(container.id), prefixes)
    return _Inspection(container, json.dumps(changes), container.name)
