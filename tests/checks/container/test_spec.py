"""The sections `containers` and `container_defaults`: accepted values, and errors for invalid ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from olaudit.checks.container import CHECKER
from olaudit.facts.container_settings import parse_mount, parse_port
from tests.checks.container.engine import parse_specs

WEB = {"service": "web", "name": "openlibrary-web-1"}


def _errors(*items: dict[str, Any]) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(CHECKER.model).validate_json(json.dumps(items))
    return [(error["loc"], error["msg"]) for error in caught.value.errors()]


def test_defaults_expect_only_that_the_container_runs() -> None:
    (spec,) = TypeAdapter(CHECKER.model).validate_json(json.dumps([WEB]))
    assert (spec.state.value, spec.max_restarts, spec.presence, spec.severity) == ("running", 3, "required", None)
    assert spec.hostname is spec.image is spec.mounts is spec.ports is spec.restart is None


def test_container_defaults_accept_the_settings_of_items() -> None:
    assert CHECKER.defaults is not None
    section, model = CHECKER.defaults
    text = '{"restart": "always", "state": "exited", "ports": ["80:80"], "mounts": ["/1:/1"], "max_restarts": 0}'
    assert section == "container_defaults"
    assert TypeAdapter(model).validate_json(text).restart.value == "always"


def test_a_duplicate_name_is_an_error_at_the_second_container() -> None:
    assert _errors(WEB, {**WEB, "service": "covers"}) == [
        ((1, "name"), "two containers are named openlibrary-web-1")
    ]


def test_an_accepted_name_counts_as_a_name() -> None:
    other = {"service": "web", "name": {"value": "openlibrary-web-2", "accept": ["openlibrary-web-1"]}}
    with pytest.raises(ValidationError, match="two containers are named openlibrary-web-1"):
        parse_specs(WEB, other)


def test_a_container_may_accept_its_own_name() -> None:
    (spec,) = parse_specs({"service": "web", "name": {"value": "web", "accept": ["web"]}})
    assert spec.name.values == ("web", "web")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", "open library", "is not a valid container name"),
        ("name", "", "is not a valid container name"),
        ("name", 7, "valid string"),
        ("service", "", "at least 1 character"),
        ("presence", "forbidden", "a container is required or optional"),
        ("restart", "unless_stopped", "is not a restart policy"),
        ("restart", "on-failure:0", "is not a restart policy"),
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
        ("severity", "urgent", "'critical', 'warning' or 'info'"),
        ("colour", "red", "Extra inputs are not permitted"),
    ],
)
def test_an_invalid_value_is_an_error_at_its_key(key: str, value: object, message: str) -> None:
    errors = _errors({**WEB, key: value})
    assert any(message in text for _, text in errors)
    assert all(location[:2] == (0, key) for location, _ in errors)


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("8080:8080", "8080:8080/tcp"),
        ("0.0.0.0:53:53/udp", "53:53/udp"),
        ("127.0.0.1:7000:80/tcp", "127.0.0.1:7000:80/tcp"),
        ("[::1]:80:80/sctp", "[::1]:80:80/sctp"),
    ],
)
def test_ports_are_formatted_as_in_compose_yaml(text: str, formatted: str) -> None:
    assert str(parse_port(text)) == formatted


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("/opt/olsystem/:/olsystem", "/opt/olsystem:/olsystem"),
        ("/1:/1/:ro", "/1:/1:ro"),
        ("solr-data:/var/solr:rw", "solr-data:/var/solr"),
    ],
)
def test_mounts_are_formatted_as_in_compose_yaml(text: str, formatted: str) -> None:
    assert str(parse_mount(text)) == formatted
