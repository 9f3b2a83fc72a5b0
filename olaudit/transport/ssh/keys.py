"""The keys to log in with: the agent's and those in files, each file read once for the whole run."""

from __future__ import annotations

import base64
import copy
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko
from paramiko.agent import AgentSSH
from paramiko.pkey import PublicBlob

from olaudit.transport.reasons import describe
from olaudit.transport.ssh.algorithms import allowed

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings

_LIST_SECONDS = 3.0
NO_FILE = "there is no such file"


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


@dataclass(frozen=True, slots=True)
class Identities:
    """The keys to try at a host, in order, and what could not be used."""

    usable: tuple[Identity, ...]
    unusable: tuple[Unusable, ...]


class _Agent(AgentSSH):
    """The agent at a socket, which may hang: paramiko's own knows neither another socket nor a time-out."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # Its list comes at once or never; a signature may wait for a finger on a hardware key
            connection.settimeout(max(0.001, min(seconds / 2, _LIST_SECONDS)))
            connection.connect(path)
            self._connect(connection)  # type: ignore[attr-defined]  # not in the stubs
            connection.settimeout(seconds)
        except BaseException:
            connection.close()
            raise


class KeyRing:
    """The identities of the person who audits."""

    def __init__(self) -> None:
        self._files: dict[Path, tuple[Identity, ...] | Unusable] = {}

    @contextmanager
    def identities(self, settings: Settings, deadline: Deadline) -> Iterator[Identities]:
        """Give the keys to try, in ssh's order: the agent's named in IdentityFile, the agent's others, files.

        The agent is asked on a connection of this host's own, for as long as the context lasts: paramiko
        does not keep two signatures on one connection apart.
        """
        files = [self._file(file) for file in settings.identity_files]
        unusable = [identity for identity in files if isinstance(identity, Unusable)]
        agent: _Agent | None = None
        try:
            try:
                agent = _Agent(settings.identity_agent, deadline.left()) if settings.identity_agent else None
            except (OSError, paramiko.SSHException, struct.error, IndexError) as error:
                unusable.append(Unusable(f"the agent at {settings.identity_agent}", describe(error)))
            from_agent = _agent_identities(agent)
            publics = [_public(file) for file in settings.identity_files]
            named = [identity for identity in from_agent if identity.key.asbytes() in publics]
            others = (
                [] if settings.identities_only else [identity for identity in from_agent if identity not in named]
            )
            in_agent = {identity.key.asbytes() for identity in from_agent}
            loaded = [identity for group in files if isinstance(group, tuple) for identity in group]
            from_files = [
                identity
                for identity in loaded
                if identity.key.public_blob or identity.key.asbytes() not in in_agent
            ]
            certified = _with_certificates(settings, (*loaded, *named, *others), unusable)
            candidates = (*certified, *named, *others, *from_files)
            usable = tuple(
                identity for identity in candidates if _accepted(identity.key, settings.algorithms.user_keys)
            )
            unusable += [
                Unusable(identity.name, "PubkeyAcceptedAlgorithms does not allow it")
                for identity in candidates
                if identity not in usable
            ]
            yield Identities(usable, tuple(unusable))
        finally:
            if agent:
                agent._close()  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name

    def _file(self, file: Path) -> tuple[Identity, ...] | Unusable:
        if file not in self._files:
            self._files[file] = _from_file(file)
        return self._files[file]


def _agent_identities(agent: AgentSSH | None) -> list[Identity]:
    keys = agent.get_keys() if agent else ()
    return [Identity(key, f"agent key {key.comment or key.fingerprint}") for key in keys]


def _from_file(file: Path) -> tuple[Identity, ...] | Unusable:
    """Read a key; one with a certificate beside it is tried with the certificate first, as ssh does."""
    try:
        if file.exists() and not file.is_file():
            return Unusable(str(file), "it is not a regular file")
        key = paramiko.PKey.from_path(file)
    except FileNotFoundError:
        return Unusable(str(file), NO_FILE)
    except (paramiko.PasswordRequiredException, TypeError):
        return Unusable(str(file), "it needs a passphrase: add it to an agent with ssh-add")
    except (OSError, ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
        return Unusable(str(file), describe(error))
    if not key.public_blob:
        return (Identity(key, str(file)),)
    plain = copy.copy(key)
    plain.public_blob = None
    return (Identity(key, f"{file}-cert.pub"), Identity(plain, str(file)))


def _with_certificates(
    settings: Settings, identities: tuple[Identity, ...], unusable: list[Unusable]
) -> list[Identity]:
    """Pair each CertificateFile with its private key."""
    certified = []
    for file in settings.certificates:
        try:
            blob = PublicBlob.from_file(str(file))
            owner = next(identity for identity in identities if _certifies(blob, identity.key))
        except StopIteration:
            unusable.append(Unusable(str(file), "no key of it is in IdentityFile or in the agent"))
        except FileNotFoundError:
            unusable.append(Unusable(str(file), NO_FILE))
        except (OSError, ValueError, IndexError, paramiko.SSHException) as error:
            unusable.append(Unusable(str(file), f"it is not a certificate: {describe(error)}"))
        else:
            key = copy.copy(owner.key)
            key.public_blob = blob
            certified.append(Identity(key, str(file)))
    return certified


def _certifies(blob: PublicBlob, key: paramiko.PKey) -> bool:
    """Return whether a certificate belongs to this key: it holds the key's fields, without their type."""
    name = key.get_name()
    return blob.key_type.startswith(f"{name}-cert") and key.asbytes()[4 + len(name) :] in blob.key_blob


def _accepted(key: paramiko.PKey, setting: str) -> bool:
    name = key.public_blob.key_type if key.public_blob else key.get_name()
    rsa = ("rsa-sha2-512", "rsa-sha2-256")
    names = tuple(name.replace("ssh-rsa", variant) for variant in rsa) if name.startswith("ssh-rsa") else (name,)
    return bool(allowed(names, setting))


def _public(file: Path) -> bytes | None:
    """Read the public half beside a key file, by which an agent's key is recognised."""
    try:
        return base64.b64decode(Path(f"{file}.pub").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
