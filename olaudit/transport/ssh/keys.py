"""The keys to log in with: the agent's and those in files, each file read once for the whole run."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from olaudit.transport.ssh.settings import Settings


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key and how to name it to people."""

    key: paramiko.PKey
    name: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """A key file that gave no key, and why."""

    name: str
    why: str


class KeyRing:
    """The identities of the person who audits."""

    def __init__(self) -> None:
        self._files: dict[Path, Identity | Unusable] = {}

    @contextmanager
    def identities(self, settings: Settings) -> Iterator[tuple[tuple[Identity, ...], tuple[Unusable, ...]]]:
        """Give the keys to try, in ssh's order: the agent's named in IdentityFile, the agent's others, files.

        The agent is asked on a connection of this host's own, for as long as the context lasts: paramiko
        does not keep two signatures on one connection apart.
        """
        files = [self._file(file) for file in settings.identity_files]
        publics = [_public(file) for file in settings.identity_files]
        agent = paramiko.Agent()
        try:
            held = [Identity(key, f"agent key {key.comment or key.fingerprint}") for key in agent.get_keys()]
            named = [one for one in held if one.key.asbytes() in publics]
            others = [] if settings.identities_only else [one for one in held if one not in named]
            in_agent = {one.key.asbytes() for one in held}
            usable = [one for one in files if isinstance(one, Identity) and one.key.asbytes() not in in_agent]
            unusable = [one for one in files if isinstance(one, Unusable)]
            yield (*named, *others, *usable), tuple(unusable)
        finally:
            agent.close()

    def _file(self, file: Path) -> Identity | Unusable:
        if file not in self._files:
            self._files[file] = _from_file(file)
        return self._files[file]


def _from_file(file: Path) -> Identity | Unusable:
    try:
        return Identity(paramiko.PKey.from_path(file), str(file))
    except FileNotFoundError:
        return Unusable(str(file), "there is no such file")
    except (paramiko.PasswordRequiredException, TypeError):
        return Unusable(str(file), "it needs a passphrase: add it to an agent with ssh-add")
    except (OSError, ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
        return Unusable(str(file), " ".join(str(error).split()) or "it is not a key that paramiko reads")


def _public(file: Path) -> bytes | None:
    """Read the public half beside a key file, by which an agent's key is recognised."""
    try:
        return base64.b64decode(Path(f"{file}.pub").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
