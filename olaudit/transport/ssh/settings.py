"""How to reach a host: what `ssh_config` says of it, reduced to what olaudit honours."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import paramiko

from olaudit.errors import UsageError
from olaudit.model import Reason
from olaudit.transport import HostFailed

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
DEFAULT_KNOWN_HOSTS = (
    "~/.ssh/known_hosts",
    "~/.ssh/known_hosts2",
    "/etc/ssh/ssh_known_hosts",
    "/etc/ssh/ssh_known_hosts2",
)
CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything needed to connect to one host. `connect_seconds` bounds the TCP connection alone."""

    name: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...]
    identities_only: bool
    known_hosts: tuple[Path, ...]
    host_key_alias: str
    jumps: tuple[str, ...]
    connect_seconds: float

    @property
    def known_as(self) -> str:
        """The name under which known_hosts files list this host's key."""
        if self.host_key_alias:
            return self.host_key_alias
        return self.hostname if self.port == 22 else f"[{self.hostname}]:{self.port}"

    def __str__(self) -> str:
        """Name the host for people, with where it really lies when that differs."""
        where = self.hostname if self.port == 22 else f"{self.hostname}:{self.port}"
        return self.name if where == self.name else f"{self.name} ({where})"


class SshConfig:
    """An ssh_config file, read once. A missing file is an error only where it was named explicitly."""

    def __init__(self, path: Path | None) -> None:
        try:
            file = (path or Path("~/.ssh/config")).expanduser()
        except RuntimeError:
            raise UsageError(
                "nobody knows where your home is", "set $HOME, or name a file with --ssh-config"
            ) from None
        try:
            self._config = paramiko.SSHConfig.from_path(str(file))
        except FileNotFoundError:
            if path is not None:
                raise UsageError(f"{path}: no such file", "name an ssh_config file with --ssh-config") from None
            self._config = paramiko.SSHConfig()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file}: cannot be read: {error}") from None
        except (paramiko.ssh_exception.ConfigParseError, ValueError) as error:
            raise UsageError(f"{file}: {error}", "see `man ssh_config`") from None

    def settings(self, target: str) -> Settings:
        """Resolve `[user@]host[:port]`. Raises HostFailed for what cannot be honoured."""
        user, _, rest = target.rpartition("@")
        host, _, port = rest.partition(":") if rest.count(":") == 1 else (rest, "", "")
        try:
            options = self._config.lookup(host)
            if options.get("proxycommand", "none") != "none":
                raise HostFailed(
                    Reason.SSH, f"{host}: ssh_config's ProxyCommand is not supported: use ProxyJump instead"
                )
            return Settings(
                name=host,
                hostname=options["hostname"],
                port=int(port or options.get("port", "22")),
                user=user or options.get("user") or getpass.getuser(),
                identity_files=_identities(list(options.get("identityfile", ""))),
                identities_only=options.get("identitiesonly", "no").lower() == "yes",
                known_hosts=_known_hosts(options),
                host_key_alias=options.get("hostkeyalias", ""),
                jumps=_jumps(options.get("proxyjump", "none")),
                connect_seconds=float(options.get("connecttimeout", str(CONNECT_SECONDS))),
            )
        except paramiko.ssh_exception.CouldNotCanonicalize as error:
            raise HostFailed(Reason.DNS, f"{host}: no canonical name found for {error}") from None
        except (paramiko.ssh_exception.ConfigParseError, ValueError) as error:
            raise HostFailed(Reason.SSH, f"{host}: ssh_config makes no sense here: {error}") from None
        except (KeyError, RuntimeError, OSError) as error:  # as in a container that runs as a number
            why = f"nobody knows the name or the home of who runs this ({error})"
            raise HostFailed(Reason.SSH, f"{host}: {why}: set $USER and $HOME") from None


def _identities(named: Sequence[str]) -> tuple[Path, ...]:
    files = named or [f"~/.ssh/{name}" for name in DEFAULT_KEYS]
    return tuple(Path(file).expanduser() for file in files if file.lower() != "none")


def _known_hosts(options: paramiko.config.SSHConfigDict) -> tuple[Path, ...]:
    user = options.get("userknownhostsfile", " ".join(DEFAULT_KNOWN_HOSTS[:2]))
    system = options.get("globalknownhostsfile", " ".join(DEFAULT_KNOWN_HOSTS[2:]))
    names = [name.strip('"') for name in f"{user} {system}".split()]
    return tuple(Path(name).expanduser() for name in names if name.lower() != "none")


def _jumps(value: str) -> tuple[str, ...]:
    if value.lower() == "none":
        return ()
    return tuple(hop.strip().removeprefix("ssh://") for hop in value.split(","))
