"""Settings of hosts as OpenSSH's own client resolves them: `ssh -G`.

`ssh -G` prints one `keyword value` per line, defaults included, with `Include`, `Match` (its `exec` runs) and
canonicalization applied. It takes about 5 ms per host. It looks for the user's file and home directory in the
passwd entry and ignores $HOME. Everywhere else in this program `~` is $HOME. Where both differ, it reads
`$HOME/.ssh/config` and the system's file through a temporary file that includes both.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from olaudit.errors import UsageError
from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe, one_line
from olaudit.transport.ssh.process import Completed, run_command

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Target

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
_CHECK_SECONDS = 10.0
_NOISE = ("Pseudo-terminal will not be allocated",)
# An ssh that works for no host at all: no passwd entry, as in a container that runs as a number; before 6.8
_UNUSABLE = ("no user exists for uid", "you don't exist", "unknown option", "illegal option", "invalid option")

Options = dict[str, list[str]]
"""Lowercase keyword -> its values in order, without token expansion."""


class OpenSsh:
    """The installed OpenSSH client. Called from several threads at once."""

    notices: tuple[str, ...] = ()

    def __init__(self, program: str, file: Path | None) -> None:
        self._combined = None if file else _combine()
        config = file or (self._combined and Path(self._combined.name))
        self._argv = (program, "-T", "-G", *(("-F", str(config)) if config else ()))

    @classmethod
    def find(cls, file: Path | None) -> OpenSsh | None:
        """Find the client; None where there is none that can be used. Raises UsageError for a faulty file."""
        program = shutil.which("ssh")
        if not program:
            return None
        client = cls(program, file)
        return client if client.works() else None

    def works(self) -> bool:
        """Parse the configuration once, without any host. Raises UsageError where it is faulty."""
        try:
            completed = run_command(
                (*self._argv, "-o", "CanonicalizeHostname=no", "--", "localhost"), _CHECK_SECONDS
            )
        except TimeoutError:  # of a Match exec; hosts have their own deadlines for it
            return True
        except OSError:
            return False
        if completed.status == 0:
            return True
        message = self._message(completed)
        if any(text in message.lower() for text in _UNUSABLE):
            return False
        if re.search(r"\bline \d+|terminating", message):
            raise UsageError(message, "see `man ssh_config`")
        return True

    def resolve(self, target: Target, deadline: Deadline) -> Options:
        """Resolve the settings of one host. Raises HostFailed."""
        user = ("-l", target.user) if target.user else ()
        port = ("-p", target.port) if target.port else ()
        try:
            completed = run_command((*self._argv, *user, *port, "--", target.host), deadline.left())
        except TimeoutError:
            raise HostFailed(
                FailureReason.TIMEOUT,
                f"{target}: `ssh -G` did not resolve its ssh_config within {deadline.seconds:g} s: "
                "does a `Match exec` or CanonicalizeHostname hang?",
            ) from None
        except OSError as error:
            raise HostFailed(FailureReason.SSH, f"{target}: `ssh -G` cannot be run: {describe(error)}") from None
        if completed.status:
            message = self._message(completed)
            reason = FailureReason.DNS if "could not resolve" in message.lower() else FailureReason.SSH
            raise HostFailed(reason, f"{target}: ssh_config cannot be resolved: {message}")
        return parse(completed.stdout.decode(errors="surrogateescape"))

    def _message(self, completed: Completed) -> str:
        lines = completed.stderr.decode(errors="backslashreplace").splitlines()
        text = one_line("; ".join(line.strip() for line in lines if line and not line.startswith(_NOISE)))
        return text or f"`ssh -G` ended with status {completed.status} and no message"


def parse(text: str) -> Options:
    """Parse what `ssh -G` prints."""
    options: Options = {}
    for line in text.splitlines():
        keyword, _, value = line.strip().partition(" ")
        if keyword:
            options.setdefault(keyword.lower(), []).append(value.strip())
    return options


def passwd_home() -> Path | None:
    """Give the home directory of the passwd entry, which OpenSSH uses; None where there is no entry."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def _combine() -> tempfile._TemporaryFileWrapper[str] | None:
    """Write the file that stands for the two default ones where $HOME is not the home in passwd."""
    passwd = passwd_home()
    home = Path("~").expanduser()
    if passwd is None or home == passwd or home.resolve() == passwd.resolve():
        return None
    file = tempfile.NamedTemporaryFile("w", prefix="olaudit-ssh-config-")  # noqa: SIM115 - lives as long as the client
    for config in (home / ".ssh" / "config", SYSTEM_CONFIG):
        if config.exists():
            # A new Host block each time: what one file ends in must not be the condition of the next
            file.write(f'Host *\nInclude "{_literal(config)}"\n')
    file.flush()
    return file


def _literal(path: Path) -> str:
    """Quote what Include would read as a pattern."""
    return "".join(f"\\{character}" if character in "*?[" else character for character in str(path))
