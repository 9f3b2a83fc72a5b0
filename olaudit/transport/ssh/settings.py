"""Settings of hosts from ssh_config, resolved by OpenSSH's client or by paramiko's parser."""

import threading
from pathlib import Path

from olaudit.errors import UsageError
from olaudit.model import FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.reasons import describe_error
from olaudit.transport.ssh.host import Settings, Target
from olaudit.transport.ssh.openssh import OpenSsh
from olaudit.transport.ssh.options import build_settings
from olaudit.transport.ssh.parser import ParsedConfig


class SshConfig:
    """An ssh_config file, or the default files. A missing file is an error only if the user named it."""

    def __init__(self, path: Path | None, resolver: OpenSsh | ParsedConfig | None = None) -> None:
        """Use `resolver`, else the installed OpenSSH client, else paramiko's parser. Raises UsageError."""
        file = _check_readable(path)
        self._resolver = resolver or OpenSsh.find(path and file) or ParsedConfig(path and file)
        self._lock = threading.Lock()
        self._settings: dict[str, Settings] = {}

    @property
    def notices(self) -> tuple[str, ...]:
        """Directives in the user's files that are not honoured, as messages for standard error."""
        return self._resolver.notices

    def settings(self, target: str, deadline: Deadline) -> Settings:
        """Resolve `[user@]host[:port]`, once per run. Raises HostFailed."""
        with self._lock:
            cached = self._settings.get(target)
        if cached:
            return cached
        parsed = Target.parse(target)
        try:
            settings = build_settings(parsed, self._resolver.resolve(parsed, deadline))
        except HostFailed as failed:
            raise HostFailed(failed.failure.reason, f"{parsed}: {failed.failure.message}") from None
        except ValueError as error:
            message = f"{parsed}: ssh_config could not be parsed: {error}"
            raise HostFailed(FailureReason.SSH, message) from None
        except (KeyError, RuntimeError, OSError) as error:  # for example a container whose user has no name
            reason = f"cannot determine the name or the home directory of the user ({describe_error(error)})"
            raise HostFailed(FailureReason.SSH, f"{parsed}: {reason}: set $USER and $HOME") from None
        with self._lock:
            return self._settings.setdefault(target, settings)


def _check_readable(path: Path | None) -> Path:
    """Return the file, after a check that a named one can be read. Raises UsageError."""
    try:
        file = (path or Path("~/.ssh/config")).expanduser()
    except RuntimeError:
        raise UsageError(
            "Cannot determine the home directory of the user", "set $HOME, or use --ssh-config"
        ) from None
    try:
        with file.open("rb"):
            return file
    except FileNotFoundError:
        if path is None:
            return file
        raise UsageError(f"{path}: no such file", "name an ssh_config file with --ssh-config") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {describe_error(error)}") from None
