"""A Docker Engine's answers, made of ones that a real engine gave.

`recorded.json` holds `docker inspect` of thirteen containers, each brought into its own condition on a real Docker
20.10.24, reduced to the keys that checks may see; they are known by their names. The Compose labels were given by
hand, in Compose's own spelling. `RECORDED_AT` is what that host's `date -u +%s` said right after.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from olaudit.checks.container import CHECKER, CLOCK, evaluate
from olaudit.checks.container.spec import ContainerSpec
from olaudit.model import Answered, Answers, ContainerChanges, EngineQuery, Result, Unanswered, Verdict

HERE = Path(__file__).parent
CODE = ("/olsystem", "/openlibrary")
RECORDED_AT = 1795369413
RECORDED: dict[str, dict[str, Any]] = {
    entry["Name"].removeprefix("/"): entry for entry in json.loads((HERE / "recorded.json").read_text())
}


def specs(*items: Mapping[str, Any]) -> tuple[ContainerSpec, ...]:
    """Validate items as the loader would, but take lists for tuples as they come."""
    read: tuple[ContainerSpec, ...] = TypeAdapter(CHECKER.model).validate_python(items, strict=False)
    return read


def inspect(like: str = "openlibrary-web-1", name: str = "", compose: str = "", **patch: Any) -> dict[str, Any]:
    """Take the recorded container `like`; give it a name, labels ("project/service/number"), and a patch."""
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


def answers(containers: Sequence[Any], clock: int | None = RECORDED_AT, changes: Any = None) -> Answers:
    """Answer as a host would. No clock: `date` could not be asked. `changes`: by container, those below CODE."""
    time = Unanswered("timed out") if clock is None else Answered(f"{clock}\n")
    changed = Answered(json.dumps(changes))
    return Answers(
        {EngineQuery.CONTAINERS: Answered(json.dumps(containers)), CLOCK: time, ContainerChanges(CODE): changed}
    )


def judged(expected: Sequence[Mapping[str, Any]], containers: Sequence[Any]) -> dict[tuple[str, str], Result]:
    """Judge, and give the judgements by aspect and subject, each of which must be there only once."""
    made = evaluate(specs(*expected), answers(containers))
    by_name = {(one.check.removeprefix("container."), one.subject): one for one in made}
    assert len(by_name) == len(made)
    return by_name


def findings(expected: Sequence[Mapping[str, Any]], containers: Sequence[Any]) -> list[tuple[str, str]]:
    """Give aspect and subject of all that is not ok."""
    return sorted(key for key, one in judged(expected, containers).items() if one.verdict is not Verdict.OK)
