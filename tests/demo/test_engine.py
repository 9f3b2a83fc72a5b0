from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from olaudit.demo.build import build_machine
from olaudit.demo.drifts import stop_container
from olaudit.demo.engine import reply
from olaudit.demo.machine import Engine
from tests.demo.auditing import shipped_fleet


@pytest.fixture
def engine() -> Engine:
    machine = stop_container("openlibrary-importbot-1", code=0, ago=60.0)(
        build_machine(shipped_fleet().hosts["ol-home0"])
    )
    assert machine.engine
    return machine.engine


def _names(containers: Any) -> set[str]:
    return {container["Names"][0] for container in containers}


def test_stopped_containers_are_listed_on_request_only(engine: Engine) -> None:
    status, running = reply(engine, "/v1.41/containers/json")
    assert status is HTTPStatus.OK
    _, all_containers = reply(engine, "/v1.41/containers/json?all=1&limit=-1")
    assert _names(all_containers) - _names(running) == {"/openlibrary-importbot-1"}


def test_container_is_inspected_by_its_id(engine: Engine) -> None:
    _, containers = reply(engine, "/containers/json?all=true")
    status, container = reply(engine, f"/v1.41/containers/{containers[0]['Id']}/json")
    assert (status, container["Name"]) == (HTTPStatus.OK, containers[0]["Names"][0])


@pytest.mark.parametrize("target", ["/v1.41/containers/0123/json", "/v1.41/images/json", "nonsense", "/v1.41"])
def test_unknown_target_is_answered_with_404(engine: Engine, target: str) -> None:
    status, content = reply(engine, target)
    assert status is HTTPStatus.NOT_FOUND
    assert set(content) == {"message"}


@pytest.mark.parametrize(("version", "message"), [("1.23", "too old"), ("1.99", "too new")])
def test_unsupported_api_version_is_refused(engine: Engine, version: str, message: str) -> None:
    status, content = reply(engine, f"/v{version}/containers/json")
    assert status is HTTPStatus.BAD_REQUEST
    assert message in content["message"]


def test_version_is_answered_without_an_api_version(engine: Engine) -> None:
    status, content = reply(engine, "/version")
    assert status is HTTPStatus.OK
    assert (content["ApiVersion"], content["MinAPIVersion"]) == (engine.api, engine.min_api)
