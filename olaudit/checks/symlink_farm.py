"""symlink.farm: every file below a source folder is linked from the same relative path below another folder.

The requirement, for olsystem: "its files within /opt/openlibrary/olsystem/etc symlink to the right locations
within /etc". A file is linked if its place resolves to that same file, through a link at the place or at a folder
above. Otherwise it was never linked, its link resolves to another or a missing file, or a copy replaced the link.
An equal copy does not receive the next deploy. A copy that differs has changes that exist on this host only.
"""

import posixpath
import shlex
from collections.abc import Iterator

from pydantic import Field

from olaudit.checker import Checker
from olaudit.facts.symlink_farm import Farm, State, Unlinked, symlink_farm
from olaudit.language import AbsolutePath, Section
from olaudit.model import Check, Fact, Facts, Result, Severity, Unknown, because


class SymlinkFarmSpec(Section):
    """A symlink farm: each file below `source` should be linked from the same relative path below `into`.

    `exceptions` (`except` in the file) are files and folders that need no link, as globs relative to `source`.
    """

    source: AbsolutePath
    into: AbsolutePath
    exceptions: tuple[str, ...] = Field(default=(), alias="except")


LINKED = Check(
    "symlink.farm",
    Severity.CRITICAL,
    "a file is not linked: its place does not exist, resolves to another or a missing file, or is a copy "
    "(an equal copy is a warning)",
    "`ln -sfn SOURCE PLACE`",
)
_AT = ("symlink_farm", "source")


def _fact(spec: SymlinkFarmSpec) -> Fact[Farm]:
    return symlink_farm(spec.source, spec.into, spec.exceptions)


def evaluate(spec: SymlinkFarmSpec, facts: Facts) -> Iterator[Result]:
    """Evaluate each file that is not linked; if all are linked or the fact is unknown, the farm as a whole."""
    fact = _fact(spec)
    expected = f"all its files are linked from {spec.into}"
    expectation = LINKED.expect(spec.source, _AT, expected, based_on=(fact,))
    match facts[fact]:
        case Unknown(reason):
            yield expectation.unknown(reason)
        case Farm(unlinked, linked, unread):
            never_linked = not unread and _is_never_linked(unlinked, linked)
            if unread:
                yield expectation.unknown(f"cannot read all files below {spec.source}: {unread.reason}")
            elif never_linked:
                message = f"none of the {len(unlinked)} files below {spec.source} is linked from {spec.into}"
                yield expectation.drift("none linked", message)
            elif linked and not unlinked:
                yield expectation.ok(f"{linked} linked")
            elif not unlinked:
                yield expectation.unknown(f"there are no files below {spec.source}")
            if not never_linked:
                yield from (_evaluate_file(spec, path, place) for path, place in unlinked)


def _is_never_linked(unlinked: tuple[tuple[str, Unlinked | Unknown], ...], linked: int) -> bool:
    """Return whether no file was ever linked: one cause, so one finding for any number of files."""
    states = {place.state if isinstance(place, Unlinked) else None for _, place in unlinked}
    return not linked and len(unlinked) > 1 and states == {State.ABSENT}


def _evaluate_file(spec: SymlinkFarmSpec, path: str, observed: Unlinked | Unknown) -> Result:
    source, place = posixpath.join(spec.source, path), posixpath.join(spec.into, path)
    # An equal copy works until the next deploy. In all other states the host lacks the production configuration.
    is_equal = isinstance(observed, Unlinked) and observed.state is State.EQUAL
    severity = Severity.WARNING if is_equal else None
    based_on = (_fact(spec).about(path),)
    expectation = LINKED.expect(place, _AT, f"a link to {source}", severity=severity, based_on=based_on)
    return expectation.evaluate(
        because(f"cannot read {place}", observed),
        lambda unlinked: expectation.drift(*_drift(unlinked, source, place)),
    )


def _drift(unlinked: Unlinked, source: str, place: str) -> tuple[str, str, str | None]:
    detail, folder = unlinked.detail, shlex.quote(posixpath.dirname(place))
    link = shlex.join(("ln", "-sfn", source, place))
    # Not next to the place: programs that read all files of the folder would read the copy too.
    keep = shlex.join(("cp", "-p", "--", place, "/var/tmp/"))  # noqa: S108 - a command for an operator
    copy = f"{place} is a copy, not a link to {source}"
    drifts: dict[State, tuple[str, str, str | None]] = {
        State.ABSENT: ("absent", f"{place} does not exist", f"mkdir -p {folder} && {link}"),
        State.DANGLING: ("a dangling link", f"the target of the link {place} does not exist", link),
        State.ELSEWHERE: (detail, f"{place} resolves to {detail!r}, not to {source}", link),
        # No command for these two: `ln` would create the link in the other folder, or inside the directory.
        State.UNDER_LINK: (detail, f"{place} is {detail!r}: a folder above it is a link to another folder", None),
        State.SPECIAL: (detail, f"{place} is a {detail}, not a link: move it away, then create the link", None),
        State.EQUAL: ("an equal copy", f"{copy}: still equal, but the next deploy will not update it", link),
        State.DIFFERENT: ("a different copy", f"{copy}: it differs, see `diff -u`", f"{keep} && {link}"),
    }
    return drifts[unlinked.state]


CHECKER = Checker(
    section="symlink_farm",
    model=SymlinkFarmSpec,
    checks=(LINKED,),
    collected="`find` over the source; each place is compared by inode, and by `cmp` if it is not a link",
    facts=lambda spec: (_fact(spec),),
    evaluate=evaluate,
)
