"""A Docker Engine's answers, built from recorded answers of a real engine.

`recorded.json` holds `docker inspect` of thirteen containers, each in a different condition on a real Docker
20.10.24, reduced to the keys that checks use; their names identify them. The Compose labels were added by hand, in
Compose's notation. `RECORDED_AT` is the output of that host's `date -u +%s` directly after the recording.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from olaudit.checks.container import CHECKER
from olaudit.checks.container.spec import ContainerSpec
from olaudit.facts.clock import SECONDS
from olaudit.model import Answered, Answers, ContainerChanges, ContainerFields, Facts, Result, Unanswered, Verdict

FOLDER = Path(__file__).parent
CODE = ("/olsystem", "/openlibrary")
RECORDED_AT = 1795369413
RECORDED: dict[str, dict[str, Any]] = {
    entry["Name"].removeprefix("/"): entry for entry in json.loads((FOLDER / "recorded.json").read_text())
}


def parse_specs(*items: Mapping[str, Any]) -> tuple[ContainerSpec, ...]:
    """Validate items as the loader does, but accept lists for tuples."""
    specs: tuple[ContainerSpec, ...] = TypeAdapter(CHECKER.model).validate_python(items, strict=False)
    return specs


def inspect(like: str = "openlibrary-web-1", name: str = "", compose: str = "", **patch: Any) -> dict[str, Any]:
    """Copy the recorded container `like`, with a name, labels ("project/service/number") and a patch."""
    entry = copy.deepcopy(RECORDED[like])
    if name:
        entry["Name"] = f"/{name}"
    if compose:
        keys = ("project", "service", "container-number", "oneoff")
        values = (*compose.split("/"), "False")
        labels = dict(zip(keys, values, strict=False))
        entry["Config"]["Labels"] = {f"com.docker.compose.{key}": value for key, value in labels.items()}
    return _merge(entry, patch)


def _merge(tree: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in patch.items():
        inner = tree.get(key)
        tree[key] = (
            _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) and value else value
        )
    return tree


def host_answers(containers: Sequence[Any], clock: int | None = RECORDED_AT, changes: Any = None) -> Answers:
    """Build a host's answers. A `clock` of None is unanswered. `changes` are those below CODE, by container."""
    time = Unanswered("timed out") if clock is None else Answered(f"{clock}\n")
    changed = Answered(json.dumps(changes))
    return Answers(
        {
            ContainerFields(): Answered(json.dumps(containers)),
            SECONDS.probe: time,
            ContainerChanges(CODE): changed,
        }
    )


def evaluate(specs: tuple[ContainerSpec, ...], answers: Answers) -> list[Result]:
    """Evaluate the answers of one host."""
    return list(CHECKER.evaluate(specs, Facts(answers)))


def evaluate_by_aspect(
    expected: Sequence[Mapping[str, Any]], containers: Sequence[Any]
) -> dict[tuple[str, str], Result]:
    """Return the results by aspect and subject; each pair must occur only once."""
    results = evaluate(parse_specs(*expected), host_answers(containers))
    by_aspect = {(result.check.id.removeprefix("container."), result.subject): result for result in results}
    assert len(by_aspect) == len(results)
    return by_aspect


def not_ok(expected: Sequence[Mapping[str, Any]], containers: Sequence[Any]) -> list[tuple[str, str]]:
    """Return aspect and subject of each result that is not ok, sorted."""
    results = evaluate_by_aspect(expected, containers)
    return sorted(key for key, result in results.items() if result.verdict is not Verdict.OK)
