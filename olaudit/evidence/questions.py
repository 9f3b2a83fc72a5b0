"""Questions as people would put them: in a word, and as a command to be run by hand."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from olaudit.evidence.terms import nameable
from olaudit.model import (
    Answer,
    Command,
    ConnectionProbe,
    ContainerChanges,
    EngineQuery,
    Finding,
    ImageLayers,
    Lookup,
    Probe,
)
from olaudit.text import visible


def describe_probe(probe: Probe) -> str:
    """Name a question on one line. Scripts are left out: nobody reads one in the middle of a line."""
    match probe:
        case Command(argv, sudo=sudo):
            words = ["'...'" if "\n" in word else shlex.quote(word) for word in argv]
            text = " ".join(["sudo -n"] * sudo + words)
        case EngineQuery.VERSION:
            text = "the engine's version"
        case EngineQuery.CONTAINERS:
            text = "the engine's containers"
        case ImageLayers(image):
            text = f"the engine's layers of the image {image}"
        case ContainerChanges(paths):
            text = f"what was changed inside of containers, below {' '.join(paths)}"
        case Lookup(name):
            text = f"the auditor's resolver, for {name}"
        case ConnectionProbe.ADDRESS:
            text = "the address at which the host was reached"
        case ConnectionProbe.CLOCK:
            text = "the auditor's own clock, before and after"
    return visible(text)


def manual_command(probe: Probe, host: str, finding: Finding, answer: Answer | None = None) -> str:
    """Write the command with which a person asks the same, on one line, to be pasted into a shell.

    `answer`, where there is one, is that to `Engine.CONTAINERS`: it tells which container is meant.
    """
    match probe:
        case Command(argv, sudo=sudo):
            command = over_ssh(host, ("sudo", "-n", *argv) if sudo else argv)
        case EngineQuery.VERSION:
            command = over_ssh(host, ("docker", "version"))
        case EngineQuery.CONTAINERS | ContainerChanges():
            verb = "inspect" if probe is EngineQuery.CONTAINERS else "diff"
            name = nameable(finding, answer)
            command = over_ssh(host, ("docker", verb, name) if name else ("docker", "ps", "--all"))
        case ImageLayers(image):
            command = over_ssh(host, ("docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image))
        case Lookup(name):
            command = shlex.join(("getent", "ahosts", name))
        case ConnectionProbe.ADDRESS:
            command = f"ssh -v {shlex.quote(host)} true 2>&1 | grep 'Connecting to'"
        case ConnectionProbe.CLOCK:
            command = "date -u +%s.%N"
    return command


def over_ssh(host: str, argv: Sequence[str]) -> str:
    """Write a command for `host`. It is quoted twice: ssh hands what it is told to a shell over there."""
    command = shlex.join(argv)
    if "\n" in command:  # a script goes in on standard input, from one line that printf makes many of again
        script = command.replace("\\", "\\\\").replace("\n", "\\n")
        return f"printf %b {shlex.quote(script)} | ssh {shlex.quote(host)} sh"
    plain = command == " ".join(argv)  # nothing in it means anything to a shell
    return f"ssh {shlex.quote(host)} {command if plain else shlex.quote(command)}"
