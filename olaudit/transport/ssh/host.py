"""What a host is called, and everything that is needed to connect to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Target:
    """What a host is called: `[user@]host[:port]`, taken apart."""

    host: str
    user: str = ""
    port: str = ""

    @classmethod
    def parse(cls, text: str) -> Target:
        """Parse `[ssh://][user@]host[:port][/]`; an IPv6 address with a port, or in a URI, is in brackets."""
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
        """Name the host for people."""
        return self.host


@dataclass(frozen=True, slots=True)
class Algorithms:
    """The lists of ssh_config by which algorithms are restricted, in its own notation; "" restricts nothing."""

    ciphers: str = ""
    macs: str = ""
    kex: str = ""
    host_keys: str = ""
    user_keys: str = ""


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
    proxy_command: str = ""
    identity_agent: str = ""
    """The agent's socket; "" stands for no agent."""
    certificates: tuple[Path, ...] = ()
    revoked_host_keys: Path | None = None
    check_host_ip: bool = False
    required_rsa_bits: int = 1024
    address_family: str = "any"
    bind_address: str = ""
    bind_interface: str = ""
    algorithms: Algorithms = Algorithms()

    @property
    def known_as(self) -> str:
        """The name under which known_hosts files list this host's key."""
        if self.host_key_alias:
            return self.host_key_alias
        return self.hostname if self.port == 22 else f"[{self.hostname}]:{self.port}"

    @property
    def via(self) -> str:
        """What lies between this machine and the host, for messages; "" for a direct connection."""
        if self.jumps:
            return f"the jump host {self.jumps[-1]}"
        return "its ProxyCommand" if self.proxy_command else ""

    def __str__(self) -> str:
        """Name the host for people, with where it really lies when that differs."""
        where = self.hostname if self.port == 22 else f"{self.hostname}:{self.port}"
        return self.name if where == self.name else f"{self.name} ({where})"
