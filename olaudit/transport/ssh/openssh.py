"""Resolution of ssh_config by OpenSSH's own client, with `ssh -G`.

`ssh -G` prints one `keyword value` per line, including defaults. It applies `Include`, `Match` (and runs its
`exec`) and canonicalization, in about 5 ms per host. It takes the home directory from the passwd entry and ignores
$HOME. Everywhere else in this program, `~` is $HOME. Where both differ, `ssh -G` reads a temporary file that
includes `$HOME/.ssh/config` and the system's file.
"""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from olaudit.errors import UsageError
from olaudit.model import FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.process import run_command
from olaudit.transport.reasons import describe_error, single_line
from olaudit.transport.ssh.host import Target

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
_CHECK_SECONDS = 10.0
_IGNORED_MESSAGES = ("Pseudo-terminal will not be allocated",)
# Messages of an ssh that works for no host: older than 6.8, or run by a user without a passwd entry
_UNUSABLE_CLIENT = (
    "no user exists for uid",
    "you don't exist",
    "unknown option",
    "illegal option",
    "invalid option",
)

SshOptions = dict[str, list[str]]
"""Values by lowercase keyword, in order, without token expansion."""


class OpenSsh:
    """Installed OpenSSH client. Called from several threads at once."""

    notices: tuple[str, ...] = ()

    def __init__(self, program: str, file: Path | None) -> None:
        self._combined = None if file else _combine_configs()
        config = file or (self._combined and Path(self._combined.name))
        self._argv = (program, "-T", "-G", *(("-F", str(config)) if config else ()))

    @classmethod
    def find(cls, file: Path | None) -> Self | None:
        """Find the client; None if no usable one is installed. Raises UsageError for an invalid file."""
        program = shutil.which("ssh")
        if not program:
            return None
        client = cls(program, file)
        return client if client.works() else None

    def works(self) -> bool:
        """Parse the configuration; return whether the client is usable. Raises UsageError for an invalid file."""
        try:
            output = run_command((*self._argv, "-o", "CanonicalizeHostname=no", "--", "localhost"), _CHECK_SECONDS)
        except TimeoutError:  # a Match exec took too long; for a host, its own deadline applies
            return True
        except OSError:
            return False
        if output.returncode == 0:
            return True
        message = self._message(output)
        if any(text in message.lower() for text in _UNUSABLE_CLIENT):
            return False
        if re.search(r"\bline \d+|terminating", message):
            raise UsageError(message, "see `man ssh_config`")
        return True

    def resolve(self, target: Target, deadline: Deadline) -> SshOptions:
        """Resolve the settings of one host. Raises HostFailed."""
        user = ("-l", target.user) if target.user else ()
        port = ("-p", target.port) if target.port else ()
        try:
            output = run_command((*self._argv, *user, *port, "--", target.host), deadline.remaining())
        except TimeoutError:
            raise HostFailed(
                FailureReason.TIMEOUT,
                f"`ssh -G` did not resolve its ssh_config within {deadline.seconds:g} s: "
                "does a `Match exec` or CanonicalizeHostname hang?",
            ) from None
        except OSError as error:
            raise HostFailed(FailureReason.SSH, f"`ssh -G` cannot be run: {describe_error(error)}") from None
        if output.returncode:
            message = self._message(output)
            reason = FailureReason.DNS if "could not resolve" in message.lower() else FailureReason.SSH
            raise HostFailed(reason, f"ssh_config cannot be resolved: {message}")
        return parse(output.stdout.decode(errors="surrogateescape"))

    def _message(self, output: subprocess.CompletedProcess[bytes]) -> str:
        lines = output.stderr.decode(errors="backslashreplace").splitlines()
        text = single_line(
            "; ".join(line.strip() for line in lines if line and not line.startswith(_IGNORED_MESSAGES))
        )
        return text or f"`ssh -G` ended with status {output.returncode} and no message"


def parse(text: str) -> SshOptions:
    """Parse the output of `ssh -G`."""
    options: SshOptions = {}
    for line in text.splitlines():
        keyword, _, value = line.strip().partition(" ")
        if keyword:
            options.setdefault(keyword.lower(), []).append(value.strip())
    return options


def passwd_home() -> Path | None:
    """Return the home directory of the passwd entry, which OpenSSH uses; None if there is no entry."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def _combine_configs() -> "tempfile._TemporaryFileWrapper[str] | None":
    """Write a temporary file that includes both default files; None if $HOME is the home in passwd."""
    passwd = passwd_home()
    home = Path("~").expanduser()
    if passwd is None or home == passwd or home.resolve() == passwd.resolve():
        return None
    file = tempfile.NamedTemporaryFile("w", prefix="olaudit-ssh-config-")  # noqa: SIM115 - kept open as long as the client
    for config in (home / ".ssh" / "config", SYSTEM_CONFIG):
        if config.exists():
            # In a new Host block, so that the last condition of one file does not apply to the next file
            file.write(f'Host *\nInclude "{_escape_pattern(config)}"\n')
    file.flush()
    return file


def _escape_pattern(path: Path) -> str:
    """Escape the characters that Include reads as a pattern."""
    return "".join(f"\\{character}" if character in "*?[" else character for character in str(path))
