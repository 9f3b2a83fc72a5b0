"""How to reach a host: its ssh_config settings, resolved by OpenSSH itself or by paramiko's parser."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from olaudit.errors import UsageError
from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe
from olaudit.transport.ssh.host import Target
from olaudit.transport.ssh.openssh import OpenSsh
from olaudit.transport.ssh.options import build
from olaudit.transport.ssh.parser import ParsedConfig

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings


class SshConfig:
    """An ssh_config file, or the default ones. A missing file is an error only where it was named explicitly."""

    def __init__(self, path: Path | None, resolver: OpenSsh | ParsedConfig | None = None) -> None:
        """Choose `resolver`, else the OpenSSH that is installed, else paramiko's parser. Raises UsageError."""
        file = _readable(path)
        self._resolver = resolver or OpenSsh.find(path and file) or ParsedConfig(path and file)
        self._lock = threading.Lock()
        self._settings: dict[str, Settings] = {}

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user's files ask for and olaudit does not do, for standard error, once per run."""
        return self._resolver.notices

    def settings(self, target: str, deadline: Deadline) -> Settings:
        """Resolve `[user@]host[:port]`, once per run. Raises HostFailed for what cannot be honoured."""
        with self._lock:
            cached = self._settings.get(target)
        if cached:
            return cached
        parts = Target.parse(target)
        try:
            settings = build(parts, self._resolver.resolve(parts, deadline))
        except (KeyError, RuntimeError, OSError) as error:  # as in a container that runs as a number
            why = f"Cannot determine the name or the home directory of the user who runs this ({describe(error)})"
            raise HostFailed(FailureReason.SSH, f"{parts}: {why}: set $USER and $HOME") from None
        with self._lock:
            return self._settings.setdefault(target, settings)


def _readable(path: Path | None) -> Path:
    """Check that a named file can be read. Raises UsageError: every host would fail by it."""
    try:
        file = (path or Path("~/.ssh/config")).expanduser()
    except RuntimeError:
        raise UsageError(
            "Cannot determine the home directory of the user who runs this", "set $HOME, or use --ssh-config"
        ) from None
    try:
        with file.open("rb"):
            return file
    except FileNotFoundError:
        if path is None:
            return file
        raise UsageError(f"{path}: no such file", "name an ssh_config file with --ssh-config") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {describe(error)}") from None
