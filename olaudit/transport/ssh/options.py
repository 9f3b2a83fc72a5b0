"""Conversion of resolved ssh_config options to `Settings`: paths, tokens, times, unsupported directives."""

import getpass
import os
import re
import shlex
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.ssh.host import Algorithms, Settings, Target
from olaudit.transport.ssh.openssh import SshOptions, passwd_home

DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
DEFAULT_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
DEFAULT_GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
CONNECT_SECONDS = 10.0
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_UNSUPPORTED = {
    "KnownHostsCommand": "olaudit does not run it: list the host keys in a known_hosts file",
    "ProxyUseFdpass": "olaudit does not accept a connection that is passed as a file descriptor",
}


def build_settings(target: Target, options: SshOptions) -> Settings:
    """Build the settings of a host. Raises HostFailed for what is not supported, and ValueError if invalid."""
    return _Builder(target, options).settings()


@dataclass(frozen=True, slots=True)
class _Builder:
    target: Target
    options: SshOptions

    def settings(self) -> Settings:
        self._check_supported()
        jump = self._value("proxyjump")
        command = self._value("proxycommand")
        return Settings(
            name=self.target.host,
            hostname=self._hostname(),
            port=self._port(),
            user=self._user(),
            identity_files=tuple(map(self._expand_path, self._files("identityfile", DEFAULT_KEYS))),
            identities_only=self._flag("identitiesonly"),
            known_hosts=self._known_hosts(),
            host_key_alias=self._value("hostkeyalias"),
            jumps=tuple(hop.strip() for hop in self._expand(jump, "hnpr").split(",")) if jump else (),
            connect_seconds=_seconds(self._value("connecttimeout")),
            proxy_command=self._expand(command, "hnpr", environment=False),
            identity_agent=self._agent(),
            certificates=tuple(map(self._expand_path, self._files("certificatefile", ()))),
            revoked_host_keys=self._revoked_host_keys(),
            check_host_ip=self._flag("checkhostip"),
            required_rsa_bits=int(self._value("requiredrsasize") or 1024),
            address_family=self._value("addressfamily") or "any",
            bind_address=self._value("bindaddress"),
            bind_interface=self._value("bindinterface"),
            algorithms=Algorithms(
                ciphers=self._value("ciphers"),
                macs=self._value("macs"),
                kex=self._value("kexalgorithms"),
                host_keys=self._value("hostkeyalgorithms"),
                user_keys=self._value("pubkeyacceptedalgorithms") or self._value("pubkeyacceptedkeytypes"),
            ),
        )

    def _check_supported(self) -> None:
        for keyword, reason in _UNSUPPORTED.items():
            if self._value(keyword.lower()) not in {"", "no", "false"}:
                raise HostFailed(FailureReason.SSH, f"ssh_config sets {keyword}: {reason}")
        if self._value("pubkeyauthentication") in {"no", "false"}:
            message = "ssh_config sets PubkeyAuthentication no: olaudit logs in with keys only"
            raise HostFailed(FailureReason.SSH, message)

    def _value(self, keyword: str) -> str:
        """Return the value of an option; "" where it is not set or `none`."""
        value = self.options.get(keyword, [""])[0]
        return "" if value.lower() == "none" else value

    def _files(self, keyword: str, default: tuple[str, ...]) -> list[str]:
        values = [value.strip('"') for value in self.options.get(keyword, default)]
        return [file for file in values if file and file.lower() != "none"]

    def _flag(self, keyword: str) -> bool:
        return self._value(keyword).lower() in {"yes", "true"}

    def _hostname(self) -> str:
        return (self._value("hostname") or self.target.host).lower()

    def _port(self) -> int:
        port = int(self.target.port or self._value("port") or 22)
        if not 0 < port < 65536:
            raise ValueError(f"port {port} is not between 1 and 65535")
        return port

    def _user(self) -> str:
        return self.target.user or self._value("user") or getpass.getuser()

    def _expand_path(self, text: str) -> Path:
        return Path(self._expand(text, "CdhikLlnpru")).expanduser()

    def _known_hosts(self) -> tuple[Path, ...]:
        user = self.options.get("userknownhostsfile", [DEFAULT_KNOWN_HOSTS])[0]
        system = self.options.get("globalknownhostsfile", [DEFAULT_GLOBAL_KNOWN_HOSTS])[0]
        names = [name for value in (user, system) for name in split_paths(value) if name.lower() != "none"]
        return tuple(dict.fromkeys(path for name in names for path in _home_candidates(self._expand_path(name))))

    def _agent(self) -> str:
        value = self.options.get("identityagent", ["SSH_AUTH_SOCK"])[0].strip('"')
        if value.lower() == "none":
            return ""
        if value == "SSH_AUTH_SOCK":
            return os.environ.get(value, "")
        if re.fullmatch(r"\$\w+", value):
            return os.environ.get(value[1:], "")
        return str(_existing_at_home(self._expand_path(value)))

    def _revoked_host_keys(self) -> Path | None:
        """Return the file. OpenSSH before 9.3 expands no `%` token, so a file of the literal name comes first."""
        value = self._value("revokedhostkeys").strip('"')
        if not value:
            return None
        literal = _existing_at_home(Path(value).expanduser())
        return literal if literal.exists() or "%" not in value else _existing_at_home(self._expand_path(value))

    def _expand(self, text: str, tokens: str, *, environment: bool = True) -> str:
        """Expand the `%` tokens in `tokens`, and `${NAME}`. Raises ValueError for any other token."""
        values: dict[str, Callable[[], str]] = {
            "%": lambda: "%",
            "d": lambda: str(Path("~").expanduser()),
            "h": self._hostname,
            "i": lambda: str(os.getuid()),
            "k": lambda: self._value("hostkeyalias") or self.target.host,
            "L": lambda: socket.gethostname().split(".")[0],
            "l": socket.gethostname,
            "n": lambda: self.target.host,
            "p": lambda: str(self._port()),
            "r": self._user,
            "u": getpass.getuser,
        }

        def expand(match: re.Match[str]) -> str:
            if name := match["name"]:
                if not environment:
                    return match[0]  # left to the shell
                if name not in os.environ:
                    raise ValueError(f"the environment variable {name} is not set")
                return os.environ[name]
            letter = match["letter"]
            if letter not in {"%", *tokens} or letter not in values:
                raise ValueError(f"the token %{letter} in {text!r} is not supported")
            return values[letter]()

        return re.sub(r"%(?P<letter>.?)|\$\{(?P<name>\w+)\}", expand, text)


def split_paths(value: str) -> list[str]:
    """Split a list of paths.

    `ssh -G` prints paths with spaces without quotes. A word that starts neither with `/` nor with `~`
    therefore continues the previous path.
    """
    if '"' in value:
        return shlex.split(value)
    paths: list[str] = []
    for word in value.split(" "):
        if paths and not word.startswith(("/", "~")):
            paths[-1] += f" {word}"
        else:
            paths.append(word)
    return [path for path in paths if path]


def _home_candidates(path: Path) -> list[Path]:
    """List a path below $HOME and below the home in passwd, to which OpenSSH has already expanded `~`."""
    home = Path("~").expanduser()
    passwd = passwd_home()
    if passwd is None or passwd in {home, Path("/")} or not path.is_relative_to(passwd):
        return [path]
    return [home / path.relative_to(passwd), path]


def _existing_at_home(path: Path) -> Path:
    """Return the candidate that exists; if none does, the one below $HOME."""
    paths = _home_candidates(path)
    return next((path for path in paths if path.exists()), paths[0])


def _seconds(text: str) -> float:
    """Parse a time of ssh_config: `10`, `10s`, `1m30s`; the default if empty or zero. Raises ValueError."""
    if not text or text == "0":
        return CONNECT_SECONDS
    parts = re.findall(r"(\d+)([a-z]?)", text.lower())
    if "".join(number + unit for number, unit in parts) != text.lower() or any(
        unit not in _SECONDS for _, unit in parts
    ):
        raise ValueError(f"ConnectTimeout {text!r} is not a time")
    return float(sum(int(number) * _SECONDS[unit] for number, unit in parts)) or CONNECT_SECONDS
