"""The sections `containers` and `container_defaults`: what they take, and what they say to what they do not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from olaudit.checks.container import CHECKER
from olaudit.checks.container.notation import parse_mount, parse_port
from tests.checks.container.engine import specs

WEB = {"service": "web", "name": "openlibrary-web-1"}


def _errors(*items: dict[str, Any]) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(CHECKER.model).validate_json(json.dumps(items))
    return [(error["loc"], error["msg"]) for error in caught.value.errors()]


def test_what_is_not_said_of_a_container_is_not_judged_but_that_it_runs() -> None:
    (spec,) = TypeAdapter(CHECKER.model).validate_json(json.dumps([WEB]))
    assert (spec.state.value, spec.max_restarts, spec.presence, spec.severity) == ("running", 3, "required", None)
    assert spec.hostname is spec.image is spec.mounts is spec.ports is spec.restart is None


def test_defaults_take_what_items_take_of_the_set_up() -> None:
    assert CHECKER.defaults is not None
    section, model = CHECKER.defaults
    text = '{"restart": "always", "state": "exited", "ports": ["80:80"], "mounts": ["/1:/1"], "max_restarts": 0}'
    assert section == "container_defaults"
    assert TypeAdapter(model).validate_json(text).restart.value == "always"


def test_two_containers_of_one_name_are_an_error_at_the_second() -> None:
    assert _errors(WEB, {**WEB, "service": "covers"}) == [
        ((1, "name"), "two containers are named openlibrary-web-1")
    ]


def test_accepted_alternatives_are_names_too() -> None:
    other = {"service": "web", "name": {"value": "openlibrary-web-2", "accept": ["openlibrary-web-1"]}}
    with pytest.raises(ValidationError, match="two containers are named openlibrary-web-1"):
        specs(WEB, other)


def test_one_container_may_name_an_alternative_twice() -> None:
    (spec,) = specs({"service": "web", "name": {"value": "web", "accept": ["web"]}})
    assert spec.name.values == ("web", "web")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", "open library", "cannot be the name of a container"),
        ("name", "", "cannot be the name of a container"),
        ("name", 7, "valid string"),
        ("service", "", "at least 1 character"),
        ("presence", "forbidden", "a container is required or optional"),
        ("restart", "unless_stopped", "is no restart policy"),
        ("restart", "on-failure:0", "is no restart policy"),
        ("state", "paused", "'running' or 'exited'"),
        ("max_restarts", -1, "greater than or equal to 0"),
        ("max_restarts", "3", "valid integer"),
        ("ports", ["8080"], "is not a published port"),
        ("ports", ["70000:80"], "is not a published port"),
        ("mounts", ["olsystem/etc:/etc"], "is not a mount"),
        ("mounts", ["/1:/1:z"], "is not a mount"),
        ("logging", {"max_size": "512 MB"}, "should match pattern"),
        ("logging", {"max_file": 0}, "greater than or equal to 1"),
        ("logging", "any", "should be an object"),
        ("code", ["openlibrary"], "is not a plain absolute path"),
        ("severity", "loud", "'critical', 'warning' or 'info'"),
        ("colour", "red", "Extra inputs are not permitted"),
    ],
)
def test_what_makes_no_sense_is_refused(key: str, value: object, message: str) -> None:
    errors = _errors({**WEB, key: value})
    assert any(message in text for _, text in errors)
    assert all(where[:2] == (0, key) for where, _ in errors)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("8080:8080", "8080:8080/tcp"),
        ("0.0.0.0:53:53/udp", "53:53/udp"),
        ("127.0.0.1:7000:80/tcp", "127.0.0.1:7000:80/tcp"),
        ("[::1]:80:80/sctp", "[::1]:80:80/sctp"),
    ],
)
def test_ports_are_written_as_compose_writes_them(text: str, written: str) -> None:
    assert str(parse_port(text)) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("/opt/olsystem/:/olsystem", "/opt/olsystem:/olsystem"),
        ("/1:/1/:ro", "/1:/1:ro"),
        ("solr-data:/var/solr:rw", "solr-data:/var/solr"),
    ],
)
def test_mounts_are_written_as_compose_writes_them(text: str, written: str) -> None:
    assert str(parse_mount(text)) == written
