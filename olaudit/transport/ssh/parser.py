"""Settings of hosts by paramiko's parser, where no OpenSSH client can resolve them.

It reads the same files and names every directive that is not honoured. Where to ignore one would be unsafe
(`Include` within a block, `Match exec`), hosts are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import paramiko

from olaudit.errors import UsageError
from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe
from olaudit.transport.ssh.openssh import SYSTEM_CONFIG, Options

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Target

_HONOURED = """
host match hostname port user identityfile identitiesonly userknownhostsfile globalknownhostsfile
hostkeyalias proxyjump proxycommand proxyusefdpass connecttimeout identityagent certificatefile
revokedhostkeys knownhostscommand checkhostip requiredrsasize addressfamily bindaddress bindinterface
ciphers macs kexalgorithms hostkeyalgorithms pubkeyacceptedalgorithms pubkeyacceptedkeytypes
pubkeyauthentication canonicalizehostname canonicaldomains canonicalizefallbacklocal canonicalizemaxdots
"""
# Without effect on whether and where olaudit logs in: it forwards nothing, shares no connection, runs no local
# command, asks for no password, and is always strict about host keys
_WITHOUT_EFFECT = """
addkeystoagent batchmode casignaturealgorithms channeltimeout clearallforwardings compression
connectionattempts controlmaster controlpath controlpersist dynamicforward enableescapecommandline
enablesshkeysign escapechar exitonforwardfailure fingerprinthash forkafterauthentication forwardagent
forwardx11 forwardx11timeout forwardx11trusted gatewayports gssapiauthentication
gssapidelegatecredentials hashknownhosts hostbasedacceptedalgorithms hostbasedauthentication
ignoreunknown ipqos kbdinteractiveauthentication kbdinteractivedevices localcommand localforward loglevel
logverbose nohostauthenticationforlocalhost numberofpasswordprompts obscurekeystroketiming
passwordauthentication permitlocalcommand permitremoteopen preferredauthentications rekeylimit
remotecommand remoteforward requesttty sendenv serveralivecountmax serveraliveinterval sessiontype setenv
stdinnull streamlocalbindmask streamlocalbindunlink stricthostkeychecking syslogfacility tcpkeepalive
tunnel tunneldevice updatehostkeys usekeychain verifyhostkeydns visualhostkey xauthlocation
challengeresponseauthentication
"""
_RECOGNIZED = frozenset(f"{_HONOURED} {_WITHOUT_EFFECT} include".split())
_MAX_DEPTH = 16


@dataclass(frozen=True, slots=True)
class _Line:
    keyword: str
    value: str
    text: str
    where: str


class ParsedConfig:
    """ssh_config files as paramiko understands them."""

    def __init__(self, file: Path | None) -> None:
        """Read `file`, or the user's and the system's. Raises UsageError."""
        user = Path("~/.ssh").expanduser()
        if file:
            lines = list(_read(file, user))
        else:
            lines = [*_read(user / "config", user, optional=True), _everything()]
            lines += _read(SYSTEM_CONFIG, SYSTEM_CONFIG.parent, optional=True)
        self._unsafe = next((why for line in lines if (why := _unsafe(line))), "")
        self.notices = _notices(lines)
        try:
            self._config = paramiko.SSHConfig.from_text("\n".join(line.text for line in lines))
        except (paramiko.ssh_exception.ConfigParseError, ValueError) as error:
            raise UsageError(f"{file or user / 'config'}: {describe(error)}", "see `man ssh_config`") from None

    def resolve(self, target: Target, _deadline: Deadline) -> Options:
        """Resolve the options of one host. Raises HostFailed."""
        if self._unsafe:
            raise HostFailed(FailureReason.SSH, f"{target}: {self._unsafe}")
        try:
            options = self._config.lookup(target.host)
        except paramiko.ssh_exception.CouldNotCanonicalize as error:
            raise HostFailed(
                FailureReason.DNS, f"{target}: no canonical name found for {describe(error)}"
            ) from None
        except (paramiko.ssh_exception.ConfigParseError, ValueError) as error:
            raise HostFailed(
                FailureReason.SSH, f"{target}: ssh_config could not be parsed: {describe(error)}"
            ) from None
        return {
            keyword: [
                str(item).replace("%%", "%").replace("%", "%%") if keyword in _EXPANDED else str(item)
                for item in _values(value)
            ]
            for keyword, value in options.items()
        }


_EXPANDED = ("identityfile", "proxycommand", "proxyjump")
"""Options whose tokens paramiko has expanded already."""


def _values(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    return ["none" if value is None else value]


def _everything() -> _Line:
    """Give the line that ends any Host or Match block."""
    return _Line("host", "*", "Host *", "")


def _read(file: Path, base: Path, depth: int = 0, *, optional: bool = False) -> Iterator[_Line]:
    """Read a file with what it includes ahead of its first block. Raises UsageError."""
    try:
        text = file.read_text()
    except FileNotFoundError:
        if optional:
            return
        raise UsageError(f"{file}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {describe(error)}") from None
    in_block = False
    for number, raw in enumerate(text.splitlines(), 1):
        match = re.match(r"\s*(\w+)(?:\s*=\s*|\s+)(.*)", raw)
        keyword, value = (match[1].lower(), match[2].strip()) if match else ("", "")
        in_block = in_block or keyword in {"host", "match"}
        if keyword != "include" or in_block or depth == _MAX_DEPTH:
            yield _Line(keyword, value, raw, f"{file}:{number}")
            continue
        for pattern in value.replace('"', "").split():
            path = Path(pattern).expanduser()
            folder = Path(path.anchor) if path.is_absolute() else base
            for included in sorted(folder.glob(str(path.relative_to(folder) if path.is_absolute() else path))):
                yield from _read(included, base, depth + 1)
                yield _everything()


def _unsafe(line: _Line) -> str:
    """Say why a line must not be ignored; "" where it may, or is honoured."""
    needs = "which only OpenSSH's own client (ssh) resolves, and none that works is installed here"
    if line.keyword == "include":
        return f"{line.where}: Include within a Host or Match block, {needs}"
    if line.keyword == "match" and re.search(r"\bexec\b", line.value, re.IGNORECASE):
        return f"{line.where}: Match exec, {needs}"
    return ""


def _notices(lines: list[_Line]) -> tuple[str, ...]:
    first: dict[str, _Line] = {}
    for line in lines:
        if line.keyword and line.keyword not in _RECOGNIZED:
            first.setdefault(line.keyword, line)
    return tuple(
        f"{line.where}: {line.text.split()[0].split('=')[0]} is not honoured without OpenSSH's own client (ssh)"
        for line in first.values()
    )
