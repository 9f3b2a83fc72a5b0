"""Private keys to log in with, from the agent and from files. Each file is read once per run."""

import base64
import copy
import functools
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.agent import AgentSSH
from paramiko.pkey import PublicBlob

from olaudit.transport import Deadline
from olaudit.transport.reasons import describe_error
from olaudit.transport.ssh.algorithms import filter_allowed
from olaudit.transport.ssh.host import Settings

_LIST_SECONDS = 3.0
NO_FILE = "no such file"


@dataclass(frozen=True, slots=True)
class Identity:
    """Private key, and its name for messages."""

    key: paramiko.PKey
    name: str


@dataclass(frozen=True, slots=True)
class UnusableKey:
    """Source of keys that cannot be used, and the reason."""

    name: str
    reason: str


class _Agent(AgentSSH):
    """Client of the agent at a given socket, with a timeout. paramiko's own client supports neither."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # An agent lists its keys at once; a signature may wait until the user touches a hardware key
            connection.settimeout(max(0.001, min(seconds / 2, _LIST_SECONDS)))
            connection.connect(path)
            self._connect(connection)  # type: ignore[attr-defined]  # not in the stubs
            connection.settimeout(seconds)
        except BaseException:
            connection.close()
            raise


class KeyRing:
    """Keys of the user who runs the audit."""

    def __init__(self) -> None:
        self._load = functools.cache(_load_file)

    @contextmanager
    def identities(
        self, settings: Settings, deadline: Deadline
    ) -> Iterator[tuple[list[Identity], list[UnusableKey]]]:
        """Collect the keys to try, and those that cannot be used.

        The order is that of ssh: agent keys named in IdentityFile, other agent keys, files. Each host has its
        own connection to the agent in the context, because paramiko mixes up two signatures on one connection.
        """
        loaded = [self._load(file) for file in settings.identity_files]
        unusable = [keys for keys in loaded if isinstance(keys, UnusableKey)]
        from_files = [identity for keys in loaded if isinstance(keys, tuple) for identity in keys]
        agent: _Agent | None = None
        try:
            try:
                agent = _Agent(settings.identity_agent, deadline.remaining()) if settings.identity_agent else None
            except (OSError, paramiko.SSHException, struct.error, IndexError) as error:
                unusable.append(UnusableKey(f"the agent at {settings.identity_agent}", describe_error(error)))
            candidates = _candidates(settings, _agent_identities(agent), from_files, unusable)
            accepted = settings.algorithms.user_keys
            usable = [identity for identity in candidates if _is_accepted(identity.key, accepted)]
            unusable += [
                UnusableKey(identity.name, "PubkeyAcceptedAlgorithms does not allow it")
                for identity in candidates
                if identity not in usable
            ]
            yield usable, unusable
        finally:
            if agent:
                agent._close()  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name


def _candidates(
    settings: Settings, from_agent: list[Identity], from_files: list[Identity], unusable: list[UnusableKey]
) -> tuple[Identity, ...]:
    """Order the keys to try. Adds to `unusable` the certificates without a key."""
    public_keys = [_read_public_key(file) for file in settings.identity_files]
    configured = [identity for identity in from_agent if identity.key.asbytes() in public_keys]
    others = [identity for identity in from_agent if identity not in configured and not settings.identities_only]
    certified = _with_certificates(settings, (*from_files, *configured, *others), unusable)
    agent_keys = {identity.key.asbytes() for identity in from_agent}
    not_in_agent = [
        identity for identity in from_files if identity.key.public_blob or identity.key.asbytes() not in agent_keys
    ]
    return (*certified, *configured, *others, *not_in_agent)


def _agent_identities(agent: AgentSSH | None) -> list[Identity]:
    keys = agent.get_keys() if agent else ()
    return [Identity(key, f"agent key {key.comment or key.fingerprint}") for key in keys]


def _load_file(file: Path) -> tuple[Identity, ...] | UnusableKey:
    """Load the key in a file. With a certificate beside it, the certificate comes first, as in ssh."""
    try:
        if file.exists() and not file.is_file():
            return UnusableKey(str(file), "it is not a regular file")
        key = paramiko.PKey.from_path(file)
    except FileNotFoundError:
        return UnusableKey(str(file), NO_FILE)
    except (paramiko.PasswordRequiredException, TypeError):
        return UnusableKey(str(file), "it needs a passphrase: add it to an agent with ssh-add")
    except (OSError, ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
        return UnusableKey(str(file), describe_error(error))
    if not key.public_blob:
        return (Identity(key, str(file)),)
    without_certificate = copy.copy(key)
    without_certificate.public_blob = None
    return (Identity(key, f"{file}-cert.pub"), Identity(without_certificate, str(file)))


def _with_certificates(
    settings: Settings, identities: tuple[Identity, ...], unusable: list[UnusableKey]
) -> list[Identity]:
    """Pair each CertificateFile with its private key. Adds to `unusable` those without one."""
    certified = []
    for file in settings.certificates:
        try:
            blob = PublicBlob.from_file(str(file))
            owner = next(identity for identity in identities if _certifies(blob, identity.key))
        except StopIteration:
            unusable.append(UnusableKey(str(file), "its key is neither in IdentityFile nor in the agent"))
        except FileNotFoundError:
            unusable.append(UnusableKey(str(file), NO_FILE))
        except (OSError, ValueError, IndexError, paramiko.SSHException) as error:
            unusable.append(UnusableKey(str(file), f"it is not a certificate: {describe_error(error)}"))
        else:
            key = copy.copy(owner.key)
            key.public_blob = blob
            certified.append(Identity(key, str(file)))
    return certified


def _certifies(blob: PublicBlob, key: paramiko.PKey) -> bool:
    """Return whether a certificate belongs to this key: it contains the fields of the key without their type."""
    name = key.get_name()
    return blob.key_type.startswith(f"{name}-cert") and key.asbytes()[4 + len(name) :] in blob.key_blob


def _is_accepted(key: paramiko.PKey, setting: str) -> bool:
    name = key.public_blob.key_type if key.public_blob else key.get_name()
    rsa = ("rsa-sha2-512", "rsa-sha2-256")
    names = tuple(name.replace("ssh-rsa", variant) for variant in rsa) if name.startswith("ssh-rsa") else (name,)
    return bool(filter_allowed(names, setting))


def _read_public_key(file: Path) -> bytes | None:
    """Read the public key beside a key file, which identifies the key in the agent; None if there is none."""
    try:
        return base64.b64decode(Path(f"{file}.pub").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
