"""Resolution of ssh_config by paramiko's parser, for machines without a usable OpenSSH client.

The parser reads the same files as OpenSSH, and reports every directive that it does not honour. If a directive
cannot be ignored safely (`Include` within a block, `Match exec`), all hosts fail.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko

from olaudit.errors import UsageError
from olaudit.model import FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.reasons import describe_error
from olaudit.transport.ssh.host import Target
from olaudit.transport.ssh.openssh import SYSTEM_CONFIG, SshOptions

_HONOURED = """
host match hostname port user identityfile identitiesonly userknownhostsfile globalknownhostsfile
hostkeyalias proxyjump proxycommand proxyusefdpass connecttimeout identityagent certificatefile
revokedhostkeys knownhostscommand checkhostip requiredrsasize addressfamily bindaddress bindinterface
ciphers macs kexalgorithms hostkeyalgorithms pubkeyacceptedalgorithms pubkeyacceptedkeytypes
pubkeyauthentication canonicalizehostname canonicaldomains canonicalizefallbacklocal canonicalizemaxdots
"""
# These do not affect whether and where olaudit logs in: it forwards nothing, shares no connection, runs no local
# command, prompts for no password, and always checks host keys
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
    """Line of an ssh_config file; `location` is "FILE:LINE"."""

    keyword: str
    value: str
    text: str
    location: str


_MATCH_ALL = _Line("host", "*", "Host *", "")
"""The line that ends any Host or Match block."""


class ParsedConfig:
    """ssh_config files, parsed by paramiko."""

    def __init__(self, file: Path | None) -> None:
        """Read `file`, or the default files of the user and the system. Raises UsageError."""
        user = Path("~/.ssh").expanduser()
        if file:
            lines = list(_read(file, user))
        else:
            lines = [*_read(user / "config", user, optional=True), _MATCH_ALL]
            lines += _read(SYSTEM_CONFIG, SYSTEM_CONFIG.parent, optional=True)
        self._unsafe = next((reason for line in lines if (reason := _unsafe(line))), "")
        self.notices = _notices(lines)
        try:
            self._config = paramiko.SSHConfig.from_text("\n".join(line.text for line in lines))
        except (paramiko.ssh_exception.ConfigParseError, ValueError) as error:
            raise UsageError(
                f"{file or user / 'config'}: {describe_error(error)}", "see `man ssh_config`"
            ) from None

    def resolve(self, target: Target, _deadline: Deadline) -> SshOptions:
        """Resolve the options of one host. Raises HostFailed, and ValueError if they are invalid."""
        if self._unsafe:
            raise HostFailed(FailureReason.SSH, self._unsafe)
        try:
            options = self._config.lookup(target.host)
        except paramiko.ssh_exception.CouldNotCanonicalize as error:
            raise HostFailed(FailureReason.DNS, f"no canonical name for {describe_error(error)}") from None
        except paramiko.ssh_exception.ConfigParseError as error:
            raise ValueError(describe_error(error)) from None
        return {
            keyword: [
                str(item).replace("%%", "%").replace("%", "%%") if keyword in _EXPANDED else str(item)
                for item in _values(value)
            ]
            for keyword, value in options.items()
        }


_EXPANDED = ("identityfile", "proxycommand", "proxyjump")
"""Options whose tokens paramiko has already expanded."""


def _values(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    return ["none" if value is None else value]


def _read(file: Path, base: Path, depth: int = 0, *, optional: bool = False) -> Iterator[_Line]:
    """Read a file and the files that it includes before its first block. Raises UsageError."""
    try:
        text = file.read_text()
    except FileNotFoundError:
        if optional:
            return
        raise UsageError(f"{file}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {describe_error(error)}") from None
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
                yield _MATCH_ALL


def _unsafe(line: _Line) -> str:
    """Explain why a line cannot be ignored; "" where it can, or is honoured."""
    needs = "which only OpenSSH's client (ssh) resolves, and no usable one is installed"
    if line.keyword == "include":
        return f"{line.location}: Include within a Host or Match block, {needs}"
    if line.keyword == "match" and re.search(r"\bexec\b", line.value, re.IGNORECASE):
        return f"{line.location}: Match exec, {needs}"
    return ""


def _notices(lines: list[_Line]) -> tuple[str, ...]:
    """Render a notice for the first line of each directive that is not honoured."""
    first: dict[str, _Line] = {}
    for line in lines:
        if line.keyword and line.keyword not in _RECOGNIZED:
            first.setdefault(line.keyword, line)
    return tuple(
        f"{line.location}: {line.text.split()[0].split('=')[0]} is not honoured without OpenSSH's client (ssh)"
        for line in first.values()
    )
