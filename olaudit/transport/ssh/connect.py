"""From a host's name to a connection that is logged in, through what ssh_config puts in between."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import paramiko

from olaudit.model import FailureReason
from olaudit.transport import HostFailed
from olaudit.transport.reasons import describe, one_line
from olaudit.transport.ssh import trust
from olaudit.transport.ssh.algorithms import offer
from olaudit.transport.ssh.dial import dial
from olaudit.transport.ssh.handshake import Dropped, negotiate
from olaudit.transport.ssh.keys import KeyRing
from olaudit.transport.ssh.known_hosts import KnownHosts
from olaudit.transport.ssh.link import Link, TunnelRefused
from olaudit.transport.ssh.login import log_in
from olaudit.transport.ssh.proxy import ProxyStream
from olaudit.transport.ssh.revoked import check_revoked

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.host import Settings
    from olaudit.transport.ssh.settings import SshConfig

Jumps = tuple[str, ...]

_TRIES = 4
_MAX_JUMPS = 8
_PROHIBITED = 1
"""RFC 4254's SSH_OPEN_ADMINISTRATIVELY_PROHIBITED."""


class _Jump:
    """The one connection to a jump host that all hosts behind it share."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.links: list[Link] = []
        self.failure: HostFailed | None = None
        self.failed_at = 0.0


class Connector:
    """Makes connections; keys, known hosts and jump hosts are shared by all of a run's hosts."""

    def __init__(self, config: SshConfig) -> None:
        self._config = config
        self._ring = KeyRing()
        self._known = KnownHosts()
        self._lock = threading.Lock()
        self._jumps: dict[Jumps, _Jump] = {}

    def connect(self, target: str, deadline: Deadline) -> tuple[Link, Settings]:
        """Connect to `[user@]host[:port]` and log in. Raises HostFailed."""
        settings = self._config.settings(target, deadline)
        return self._link(settings, settings.jumps, deadline, None), settings

    def close(self) -> None:
        """Close the connections to jump hosts."""
        for jump in self._jumps.values():
            for link in jump.links:
                link.close()

    def _link(self, settings: Settings, jumps: Jumps, deadline: Deadline, trail: tuple[Jumps, ...] | None) -> Link:
        """Connect, again if need be: an sshd with many logins under way drops some of them (MaxStartups).

        `trail` holds the jump hosts that wait for this one; None where it is no jump host itself.
        """
        sent = ""
        for again in range(1, _TRIES + 1):
            try:
                return self._attempt(settings, jumps, deadline, trail)
            except Dropped as dropped:
                sent = str(dropped)
            time.sleep(min(random.uniform(0.1, 0.5) * 2 ** (again - 1), deadline.left()))  # noqa: S311 - only to spread
            if deadline.passed():
                break
        raise HostFailed(
            FailureReason.SSH,
            f"{settings} closed {again} connections before its SSH greeting{f', with {sent!r}' if sent else ''}: "
            "too many logins at once (MaxStartups in its sshd_config), a ban, or no sshd on that port",
        )

    def _attempt(
        self, settings: Settings, jumps: Jumps, deadline: Deadline, trail: tuple[Jumps, ...] | None
    ) -> Link:
        knowledge = self._known.knowledge(settings)
        offered = offer(settings, trust.key_types(knowledge))
        below = self._below(settings, jumps, deadline, trail)
        link = Link(below, offered)
        try:
            negotiate(link, settings, deadline)
            shown = link.get_remote_server_key()
            trust.check(settings, shown, knowledge)
            check_revoked(settings, shown.get_name(), shown.asbytes(), deadline)
            if settings.check_host_ip and not settings.via:
                trust.check_address(settings, shown, str(link.getpeername()[0]), self._known)
            log_in(link, settings, self._ring, deadline)
        except BaseException:
            link.close()
            below.close()  # paramiko leaves it open where its thread has not started
            raise
        return link

    def _below(self, settings: Settings, jumps: Jumps, deadline: Deadline, trail: tuple[Jumps, ...] | None) -> Any:
        """Open what the connection runs over: a socket, a local command, or a channel through a jump host."""
        if not jumps:
            if settings.proxy_command:
                return ProxyStream(settings.proxy_command, deadline if trail is None else None)
            return dial(settings, deadline)
        if len(jumps) > _MAX_JUMPS:
            raise HostFailed(
                FailureReason.SSH, f"{settings}: more than {_MAX_JUMPS} jump hosts: does ProxyJump go in a circle?"
            )
        link = self._jump(jumps, deadline, trail or ())
        try:
            seconds = min(settings.connect_seconds, deadline.left())
            return link.open_tunnel(settings.hostname, settings.port, seconds)
        except TunnelRefused as refused:
            raise _refused_by_jump(settings, jumps[-1], refused) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            if link.is_active():
                raise HostFailed(
                    FailureReason.TIMEOUT,
                    f"nothing answers at {settings.hostname} port {settings.port} through the jump host "
                    f"{jumps[-1]} within {seconds:.2g} s",
                ) from None
            raise HostFailed(
                FailureReason.SSH, f"the connection to the jump host {jumps[-1]} ended: {describe(error)}"
            ) from None

    def _jump(self, jumps: Jumps, deadline: Deadline, trail: tuple[Jumps, ...]) -> Link:
        """Give the shared connection to a jump host, made by the first host that needs it."""
        if jumps in trail:
            raise HostFailed(
                FailureReason.SSH, f"ProxyJump goes in a circle: {jumps[-1]} is to be reached through itself"
            )
        started = time.monotonic()
        with self._lock:
            jump = self._jumps.setdefault(jumps, _Jump())
        if not jump.lock.acquire(timeout=deadline.left()):
            raise HostFailed(
                FailureReason.TIMEOUT, f"the jump host {jumps[-1]} was not reached within {deadline.seconds:g} s"
            )
        try:
            if jump.links and jump.links[-1].is_active():
                return jump.links[-1]
            if jump.failure and jump.failed_at > started:  # while this host waited: another try costs its time
                raise jump.failure
            try:
                settings = self._config.settings(jumps[-1], deadline)
                jump.links = [link for link in jump.links if link.is_active()]
                jump.links.append(self._link(settings, jumps[:-1] or settings.jumps, deadline, (*trail, jumps)))
            except HostFailed as failed:
                failure = failed.failure
                jump.failure = HostFailed(failure.reason, f"at the jump host {jumps[-1]}: {failure.message}")
                jump.failed_at = time.monotonic()
                raise jump.failure from None
            return jump.links[-1]
        finally:
            jump.lock.release()


def _refused_by_jump(settings: Settings, jump: str, refused: TunnelRefused) -> HostFailed:
    """Say why a jump host opened no connection; OpenSSH's text is that of the system's error there."""
    text = one_line(describe(refused), 200)
    if refused.code == _PROHIBITED:
        why = f"the jump host {jump} does not forward connections ({text})"
        return HostFailed(FailureReason.SSH, f"{why}: see AllowTcpForwarding and PermitOpen in its sshd_config")
    reason = FailureReason.REFUSED
    if any(part in text for part in ("timed out", "unreachable", "No route")):
        reason = FailureReason.TIMEOUT
    elif any(part in text for part in ("ame or service", "name resolution", "associated with hostname")):
        reason = FailureReason.DNS
    return HostFailed(
        reason,
        f"the jump host {jump} could not connect to {settings.hostname} port {settings.port}: {text}",
    )
