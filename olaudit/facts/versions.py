"""Versions of the Docker Engine and of Compose."""

import re

from olaudit.facts.answers import parse_json, text_at
from olaudit.model import Answered, Command, EngineVersion, Fact, Unknown

COMPOSE_SCRIPT = r"""for d in "$HOME/." /usr/local/lib/ /usr/local/libexec/ /usr/lib/ /usr/libexec/; do
  p=${d}docker/cli-plugins/docker-compose
  if [ -x "$p" ]; then
    m=$("$p" docker-cli-plugin-metadata) || exit
    printf '%s\n' "$m" | sed -n 's/.*"Version": *"\([^"]*\)".*/\1/p'; exit
  fi
done
docker-compose version --short && exit
r=$?; [ $r -lt 128 ] || exit $r
exit 1"""
"""Prints the version of Compose v2, a plugin of `docker`, else of Compose v1, a separate program.

It does not run `docker compose version`, which can start a stopped engine: Docker 20.10 connects to the engine for
it, and later releases do so if the plugin is missing. These search for plugins in the folders listed here, in this
order, and request each plugin's metadata, which never connects.

The exit status is 1 if neither exists, because 127 would mean that `sh` is missing.
"""

_VERSION = re.compile(r"v?([0-9]{1,9}(?:\.[0-9]{1,9}){1,3}[-+~.0-9A-Za-z]{0,60})")
_NO_PROGRAM = re.compile(r"docker-compose: (?:command )?not found")


def _parse_engine(answer: Answered) -> str | Unknown:
    match = _VERSION.fullmatch(text_at(parse_json(answer), "Version") or "")
    return match[1] if match else Unknown("the Docker Engine's answer about its version could not be parsed")


def _parse_compose(answer: Answered) -> str | Unknown | None:
    match = _VERSION.fullmatch(answer.stdout.removesuffix("\n"))
    if match and answer.status == 0 and answer.stdout.endswith("\n"):
        return match[1]
    if not answer.stdout and _NO_PROGRAM.search(answer.stderr):
        return None
    return Unknown(f"Compose did not return its version: {(answer.stderr or answer.stdout)[:200]!r}")


ENGINE: Fact[str] = Fact("versions.engine", EngineVersion(), _parse_engine)
"""The version of the engine, without a leading "v"."""

COMPOSE: Fact[str | None] = Fact(
    "versions.compose", Command(("sh", "-c", COMPOSE_SCRIPT), may_hang=True, statuses=(0, 1)), _parse_compose
)
"""The version of Compose; None if the host has none."""
