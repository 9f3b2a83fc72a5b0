"""container.modified: the code inside a running container is that of its image.

Hot patches are lost when the container is recreated: internetarchive/openlibrary#9591, #9107, #8847, #11801.
"""

from collections.abc import Iterator
from functools import partial

from olaudit.checks.container import fixes
from olaudit.checks.container.pairing import Pair
from olaudit.checks.container.spec import ContainerSpec
from olaudit.facts.container_changes import FileChanges, changes_below
from olaudit.model import Check, Expectation, Facts, Result, Severity, Unknown

_MESSAGE_LIMIT = 5  # changed files named in a message
_OBSERVED_LIMIT = 50  # changed files listed in a finding

# A warning: a hot patch is lost with the next recreate. Nothing is down yet.
MODIFIED = Check(
    "container.modified",
    Severity.WARNING,
    "code inside the running container differs from its image",
    f"`docker diff NAME`; commit the changes to keep, then {fixes.RECREATE}",
)


def list_code(specs: tuple[ContainerSpec, ...]) -> tuple[str, ...]:
    """List the paths of the code of all containers: one probe covers them."""
    return tuple(sorted({path for spec in specs for path in spec.code}))


def evaluate_changes(pair: Pair, code: tuple[str, ...], facts: Facts) -> Iterator[Result]:
    """Evaluate the code of a running container. A stopped container is covered by container.state."""
    if not pair.spec.code or not pair.container.running:
        return
    fact, name = changes_below(code), pair.container.name or ""
    expected = f"{' and '.join(pair.spec.code)} as in its image"
    expectation = pair.expect(MODIFIED, expected, "code", fact.about(name))
    containers = facts[fact]
    not_returned = Unknown("the Docker Engine did not return its changed files")
    changes = containers if isinstance(containers, Unknown) else containers.get(name, not_returned)
    yield expectation.evaluate(changes, partial(_evaluate_files, expectation, pair.spec))


def _evaluate_files(expectation: Expectation, spec: ContainerSpec, changes: FileChanges) -> Result:
    files = [f"{path} ({change})" for path, change in _code_changes(changes, spec.code)]
    if not files:
        return expectation.ok("unchanged")
    shown = ", ".join(files[:_MESSAGE_LIMIT]) + (", ..." if len(files) > _MESSAGE_LIMIT else "")
    count = "1 file differs" if len(files) == 1 else f"{len(files)} files differ"
    message = f"{count} from its image and will be lost when the container is recreated: {shown}"
    return expectation.drift("; ".join(files[:_OBSERVED_LIMIT]), message, fixes.recreate(spec))


def _code_changes(changes: FileChanges, code: tuple[str, ...]) -> list[tuple[str, str]]:
    """Select the changes below `code`, except Python's bytecode and the parent folders of other changes."""
    below = tuple(f"{path}/" for path in code)
    folders = {folder for path, _ in changes for folder in _parents(path)}
    return [
        (path, change)
        for path, change in sorted(changes)
        if path.startswith(below) and path not in folders and not _is_bytecode(path)
    ]


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    for end in range(2, min(len(parts), 64)):
        yield "/".join(parts[:end])


def _is_bytecode(path: str) -> bool:
    return "__pycache__" in path.split("/") or path.endswith(".pyc")
