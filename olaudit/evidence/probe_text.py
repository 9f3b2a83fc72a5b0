"""Text of probes: a description on one line, and a command to run by hand."""

import re
import shlex
from collections.abc import Sequence

from olaudit.model import (
    Basis,
    Command,
    ConnectionProbe,
    ContainerChanges,
    ContainerFields,
    EngineVersion,
    ImageLayers,
    Lookup,
    Probe,
)
from olaudit.text import visible

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_ID = re.compile(r"[0-9a-f]{64}")


def describe_probe(probe: Probe) -> str:
    """Describe a probe on one line. The text of scripts is replaced with `'...'`."""
    match probe:
        case Command(argv, sudo=sudo):
            arguments = ["'...'" if "\n" in argument else shlex.quote(argument) for argument in argv]
            text = " ".join(["sudo -n"] * sudo + arguments)
        case EngineVersion():
            text = "the engine's version"
        case ContainerFields():
            text = "the engine's containers"
        case ImageLayers(image):
            text = f"the engine's layers of the image {image}"
        case ContainerChanges(paths):
            text = f"the files changed inside containers, below {' '.join(paths)}"
        case Lookup(name):
            text = f"the auditor's resolver, for {name}"
        case ConnectionProbe.ADDRESS:
            text = "the address at which the host was reached"
        case ConnectionProbe.CLOCK:
            text = "the auditor's clock, before and after the commands"
    return visible(text)


def manual_command(basis: Basis, host: str) -> str:
    """Format a shell command on one line that a person can run instead of the probe of `basis`."""
    match probe := basis.fact.probe:
        case Command(argv, sudo=sudo):
            command = ssh_command(host, ("sudo", "-n", *argv) if sudo else argv)
        case EngineVersion():
            command = ssh_command(host, ("docker", "version"))
        case ContainerFields() | ContainerChanges():
            subcommand = "inspect" if isinstance(probe, ContainerFields) else "diff"
            name = _container_name(basis)
            command = ssh_command(host, ("docker", subcommand, name) if name else ("docker", "ps", "--all"))
        case ImageLayers(image):
            command = ssh_command(
                host, ("docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image)
            )
        case Lookup(name):
            command = shlex.join(("getent", "ahosts", name))
        case ConnectionProbe.ADDRESS:
            command = f"ssh -v {shlex.quote(host)} true 2>&1 | grep 'Connecting to'"
        case ConnectionProbe.CLOCK:
            command = "date -u +%s.%N"
    return command


def _container_name(basis: Basis) -> str:
    """Return the first of the keys that is a container's name and safe in a command; "" if there is none."""
    names = (key for key in basis.keys if _NAME.fullmatch(key) and not _ID.fullmatch(key))
    return next(names, "")


def ssh_command(host: str, argv: Sequence[str]) -> str:
    """Format an ssh command that runs `argv` on `host`. It is quoted twice: ssh passes it to a shell."""
    command = shlex.join(argv)
    if "\n" in command:  # a script is passed on standard input; printf turns one line into its lines
        script = command.replace("\\", "\\\\").replace("\n", "\\n")
        return f"printf %b {shlex.quote(script)} | ssh {shlex.quote(host)} sh"
    is_plain = command == " ".join(argv)  # no characters that are special to a shell
    return f"ssh {shlex.quote(host)} {command if is_plain else shlex.quote(command)}"
