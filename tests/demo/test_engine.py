from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from olaudit.demo.drifts import stop_container
from olaudit.demo.engine import reply
from olaudit.demo.recorded import Engine, recorded_host

IMPORTBOT = "openlibrary-importbot-1"


@pytest.fixture
def engine() -> Engine:
    host = stop_container(IMPORTBOT, code=0, ago=60.0)(recorded_host("ol-home0"))
    assert host.engine
    return host.engine


def _names(containers: Any) -> set[str]:
    return {container["Names"][0] for container in containers}


def test_stopped_containers_are_listed_on_request_only(engine: Engine) -> None:
    status, running = reply(engine, "/v1.41/containers/json")
    assert status is HTTPStatus.OK
    _, all_containers = reply(engine, "/v1.41/containers/json?all=1&limit=-1")
    assert _names(all_containers) - _names(running) == {f"/{IMPORTBOT}"}


def test_container_is_inspected_by_its_id(engine: Engine) -> None:
    _, containers = reply(engine, "/containers/json?all=true")
    status, container = reply(engine, f"/v1.41/containers/{containers[0]['Id']}/json")
    assert (status, container["Name"]) == (HTTPStatus.OK, containers[0]["Names"][0])


@pytest.mark.parametrize("target", ["/v1.41/containers/0123/json", "/v1.41/images/json", "nonsense", "/v1.41"])
def test_unknown_target_is_answered_with_404(engine: Engine, target: str) -> None:
    status, content = reply(engine, target)
    assert status is HTTPStatus.NOT_FOUND
    assert set(content) == {"message"}


@pytest.mark.parametrize("version", ["1.1", "1.99"])
def test_unsupported_api_version_is_refused(engine: Engine, version: str) -> None:
    status, content = reply(engine, f"/v{version}/containers/json")
    assert status is HTTPStatus.BAD_REQUEST
    assert f"client version {version}" in content["message"]


def test_version_is_answered_without_an_api_version(engine: Engine) -> None:
    assert reply(engine, "/version") == (HTTPStatus.OK, engine.version)


def test_changed_files_are_those_that_were_recorded(engine: Engine) -> None:
    id_ = engine.containers[0]["Id"]
    assert reply(engine, f"/v1.41/containers/{id_}/changes") == (HTTPStatus.OK, None)
    assert reply(engine, "/v1.41/containers/0123/changes")[0] is HTTPStatus.NOT_FOUND


def test_image_has_the_same_layers_on_all_hosts() -> None:
    """An image exists without a container too."""
    replies = []
    for name in ("ol-web1", "ol-dev"):
        engine = recorded_host(name).engine
        assert engine
        replies.append(reply(engine, "/v1.41/images/openlibrary/olbase:latest/json"))
        assert reply(engine, "/v1.41/images/nosuch/json")[0] is HTTPStatus.NOT_FOUND
    assert replies[0] == replies[1]
    assert replies[0][0] is HTTPStatus.OK
