"""Target of a connection, and the settings to connect to it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Target:
    """Parsed form of `[user@]host[:port]`."""

    host: str
    user: str = ""
    port: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `[ssh://][user@]host[:port][/]`; an IPv6 address with a port or in a URI is in brackets."""
        text = text.strip()
        if text.lower().startswith("ssh://"):
            text = text[len("ssh://") :].rstrip("/")
        user, _, address = text.rpartition("@")
        if address.startswith("[") and "]" in address:
            host, _, port = address[1:].partition("]")
            return cls(host, user, port.removeprefix(":"))
        if address.count(":") == 1:
            host, _, port = address.partition(":")
            return cls(host, user, port)
        return cls(address, user)

    def __str__(self) -> str:
        """Render the host name for messages."""
        return self.host


@dataclass(frozen=True, slots=True)
class Algorithms:
    """Lists of algorithms in the notation of ssh_config; "" does not restrict them."""

    ciphers: str = ""
    macs: str = ""
    kex: str = ""
    host_keys: str = ""
    user_keys: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings to connect to one host. `connect_seconds` limits the TCP connection only."""

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
    proxy_command: str = ""
    identity_agent: str = ""
    """Socket of the agent; "" for no agent."""
    certificates: tuple[Path, ...] = ()
    revoked_host_keys: Path | None = None
    check_host_ip: bool = False
    required_rsa_bits: int = 1024
    address_family: str = "any"
    bind_address: str = ""
    bind_interface: str = ""
    algorithms: Algorithms = Algorithms()

    @property
    def known_hosts_name(self) -> str:
        """Name under which known_hosts files list the key of this host."""
        if self.host_key_alias:
            return self.host_key_alias
        return self.hostname if self.port == 22 else f"[{self.hostname}]:{self.port}"

    @property
    def intermediary(self) -> str:
        """Jump host or ProxyCommand before the host, for messages; "" for a direct connection."""
        if self.jumps:
            return f"the jump host {self.jumps[-1]}"
        return "its ProxyCommand" if self.proxy_command else ""

    def __str__(self) -> str:
        """Render the name for messages, with its host name and port where these differ."""
        address = self.hostname if self.port == 22 else f"{self.hostname}:{self.port}"
        return self.name if address == self.name else f"{self.name} ({address})"
