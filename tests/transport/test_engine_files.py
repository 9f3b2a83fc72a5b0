"""Layers of images and changed files of containers, from engines of several API versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from olaudit.model import Answered, ContainerChanges, EngineProbe, ImageLayers, Unanswered
from olaudit.transport import Deadline
from olaudit.transport.engine import ask_engine
from tests.transport.test_engine import Routes, ask, engine

OLBASE = ImageLayers("openlibrary/olbase:latest")
CODE = ContainerChanges(("/openlibrary", "/olsystem"))


def engine_with_files(
    images: dict[str, Any], changes: dict[str, Any], api: str = "1.41", listed: Any = ()
) -> Routes:
    """Build the routes of an engine with `images`, whose running containers are the keys of `changes`.

    `listed` is the answer to a search for an image that the engine does not have.
    """

    def routes(path: str) -> tuple[int, Any]:
        if path.endswith("/version"):
            return 200, {"ApiVersion": api}
        if not path.startswith(f"/v{api}/"):
            return 400, {"message": f"client version 1.41 is too old. Minimum supported API version is {api}"}
        path = path.removeprefix(f"/v{api}")
        if path.startswith("/containers/json"):
            assert "all=1" not in path
            return 200, [{"Id": f"id-{name}", "Names": [f"/{name}"]} for name in changes]
        if path.startswith("/images/"):
            if path.startswith("/images/json?"):
                return 200, listed
            image = images.get(path.removeprefix("/images/").removesuffix("/json"))
            return (200, image) if image is not None else (404, {"message": "No such image"})
        return 200, changes[path.removeprefix("/containers/id-").removesuffix("/changes")]

    return routes


def ask_json(routes: Routes, probe: EngineProbe) -> Any:
    answer = ask(routes, probe)[probe]
    assert isinstance(answer, Answered)
    return json.loads(answer.stdout)


@pytest.mark.parametrize("api", ["1.38", "1.41", "1.52"])
def test_layers_are_answered_by_all_api_versions(api: str) -> None:
    image = {"Id": "sha256:1", "RootFS": {"Type": "layers", "Layers": ["sha256:a", "sha256:b"]}}
    assert ask_json(engine_with_files({OLBASE.image: image}, {}, api), OLBASE) == ["sha256:a", "sha256:b"]


def test_missing_image_has_no_layers() -> None:
    assert ask_json(engine_with_files({}, {}), OLBASE) == []


@pytest.mark.parametrize("listed", [[{"Id": "1"}], None, {}, [None]])
def test_image_listed_but_missing_is_unanswered(listed: Any) -> None:
    reason = f"Docker lists the image {OLBASE.image}, but answers that it does not exist"
    assert ask(engine_with_files({}, {}, listed=listed), OLBASE)[OLBASE] == Unanswered(reason)


@pytest.mark.parametrize(
    "image",
    [{}, {"RootFS": {}}, {"RootFS": None}, {"RootFS": {"Layers": []}}, {"RootFS": {"Layers": [1]}}, [], "x"],
)
def test_image_of_another_shape_is_unanswered(image: Any) -> None:
    answer = ask(engine_with_files({OLBASE.image: image}, {}), OLBASE)[OLBASE]
    assert isinstance(answer, Unanswered)
    assert answer.reason.startswith("Docker's answer could not be parsed: ")


@pytest.mark.parametrize("api", ["1.38", "1.41", "1.52"])
def test_changes_are_limited_to_the_requested_paths(api: str) -> None:
    changes = {
        "web": [
            {"Path": "/openlibrary", "Kind": 0},
            {"Path": "/openlibrary/a.py", "Kind": 0},
            {"Path": "/olsystem/b", "Kind": 1},
            {"Path": "/openlibrary2/c", "Kind": 1},
            {"Path": "/tmp/d", "Kind": 2},
        ],
        "solr": None,  # what engines send instead of an empty list
    }
    assert ask_json(engine_with_files({}, changes, api), CODE) == {
        "web": [{"Path": "/openlibrary/a.py", "Kind": 0}, {"Path": "/olsystem/b", "Kind": 1}],
        "solr": [],
    }


@pytest.mark.parametrize("rows", ["x", [1], [{"Path": "/openlibrary/a"}], {"Path": "/openlibrary/a"}, {}])
def test_changes_of_another_shape_are_unreadable(rows: Any) -> None:
    reason = "Docker's answer could not be parsed: no list of changed files"
    assert ask_json(engine_with_files({}, {"web": rows, "solr": []}), CODE) == {
        "web": {"Unreadable": reason},
        "solr": [],
    }


def test_changed_path_is_not_altered() -> None:
    rows = [{"Path": "/openlibrary/a\nb\u001b", "Kind": 1}]
    assert ask_json(engine_with_files({}, {"web": rows}), CODE) == {"web": rows}


def test_changes_omit_a_container_removed_during_the_audit() -> None:
    both = [{"Id": "a", "Names": ["/a"]}, {"Id": "removed", "Names": ["/removed"]}]
    lists = iter([both, both[:1]])

    def routes(path: str) -> tuple[int, Any]:
        if "/containers/json" in path:
            return 200, next(lists)
        return (404, {"message": "No such container"}) if "/removed/" in path else (200, [])

    probe = ContainerChanges(("/code",))
    with engine(routes) as dial:
        answers = ask_engine((probe,), dial, Deadline.after(5), lambda: "")
    assert answers[probe] == Answered('{"a": []}')
