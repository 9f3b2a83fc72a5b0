"""Connecting and logging in to a host, through the jump hosts and proxy commands of ssh_config."""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import paramiko

from olaudit.model import FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.reasons import describe_error, single_line
from olaudit.transport.ssh import trust
from olaudit.transport.ssh.algorithms import build_offer
from olaudit.transport.ssh.dial import dial
from olaudit.transport.ssh.handshake import ConnectionDropped, log_in, negotiate
from olaudit.transport.ssh.host import Settings
from olaudit.transport.ssh.keys import KeyRing
from olaudit.transport.ssh.known_hosts import keys_for
from olaudit.transport.ssh.link import Link, TunnelRefused
from olaudit.transport.ssh.proxy import ProxyStream
from olaudit.transport.ssh.settings import SshConfig

JumpPath = tuple[str, ...]
"""Jump hosts in the order in which they are passed."""

WaitingJumps = tuple[JumpPath, ...] | None
"""Jump hosts whose connections wait for this one; None for a connection to an audited host."""

_ATTEMPTS = 4
_MAX_JUMPS = 8
_PROHIBITED = 1
"""RFC 4254's SSH_OPEN_ADMINISTRATIVELY_PROHIBITED."""


@dataclass(slots=True)
class _JumpHost:
    """Connection to a jump host, shared by all hosts behind it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    link: Link | None = None
    failure: HostFailed | None = None
    failed_at: float = 0.0


class Connector:
    """Factory of connections. All hosts of a run share its keys, known hosts and jump hosts."""

    def __init__(self, config: SshConfig) -> None:
        self._config = config
        self._key_ring = KeyRing()
        self._lock = threading.Lock()
        self._jump_hosts: dict[JumpPath, _JumpHost] = {}

    def connect(self, target: str, deadline: Deadline) -> tuple[Link, Settings]:
        """Connect to `[user@]host[:port]` and log in. Raises HostFailed."""
        settings = self._config.settings(target, deadline)
        return self._connect(settings, settings.jumps, deadline, None), settings

    def close(self) -> None:
        """Close the connections to jump hosts."""
        for jump_host in self._jump_hosts.values():
            if jump_host.link:
                jump_host.link.close()

    def _connect(self, settings: Settings, jumps: JumpPath, deadline: Deadline, waiting: WaitingJumps) -> Link:
        """Connect and log in, with retries: sshd drops connections while many logins are pending (MaxStartups)."""
        sent, drops = "", 0
        while drops < _ATTEMPTS and not (drops and deadline.passed()):
            try:
                return self._attempt(settings, jumps, deadline, waiting)
            except ConnectionDropped as dropped:
                sent, drops = str(dropped), drops + 1
            except HostFailed as error:
                if not drops or error.failure.reason is not FailureReason.TIMEOUT:
                    raise
                # the drops left this attempt less time, so they may be the cause
                closed = f"it had closed {_count(drops)} before its SSH greeting"
                raise HostFailed(FailureReason.TIMEOUT, f"{error.failure.message}; {closed}") from None
            seconds = random.uniform(0.1, 0.5) * 2 ** (drops - 1)  # noqa: S311 - only spreads the retries
            time.sleep(min(seconds, deadline.remaining()))
        raise HostFailed(
            FailureReason.SSH,
            f"{settings} closed {_count(drops)} before its SSH greeting{sent and f', with {sent!r}'}: "
            "too many logins at once (MaxStartups in its sshd_config), a ban, or no sshd on that port",
        )

    def _attempt(self, settings: Settings, jumps: JumpPath, deadline: Deadline, waiting: WaitingJumps) -> Link:
        known_keys = keys_for(settings)
        offer = build_offer(settings, trust.key_types(known_keys))
        carrier = self._open_carrier(settings, jumps, deadline, waiting)
        link = Link(carrier, offer)
        try:
            negotiate(link, settings, deadline)
            host_key = link.get_remote_server_key()
            trust.check(settings, host_key, known_keys)
            trust.check_revoked(settings, host_key.get_name(), host_key.asbytes(), deadline)
            if settings.check_host_ip and not settings.intermediary:
                trust.check_address(settings, host_key, str(link.getpeername()[0]))
            log_in(link, settings, self._key_ring, deadline)
        except BaseException:
            link.close()
            carrier.close()  # paramiko leaves it open where its thread has not started
            raise
        return link

    def _open_carrier(self, settings: Settings, jumps: JumpPath, deadline: Deadline, waiting: WaitingJumps) -> Any:
        """Open what carries the connection: a socket, a ProxyCommand, or a channel through a jump host."""
        if not jumps:
            if settings.proxy_command:
                return ProxyStream(settings.proxy_command, deadline if waiting is None else None)
            return dial(settings, deadline)
        if len(jumps) > _MAX_JUMPS:
            raise HostFailed(
                FailureReason.SSH,
                f"{settings}: more than {_MAX_JUMPS} jump hosts: does ProxyJump contain a cycle?",
            )
        link = self._jump_link(jumps, deadline, waiting or ())
        try:
            seconds = min(settings.connect_seconds, deadline.remaining())
            return link.open_tunnel(settings.hostname, settings.port, seconds)
        except TunnelRefused as refused:
            raise _refused_by_jump(settings, jumps[-1], refused) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            if link.is_active():
                raise HostFailed(
                    FailureReason.TIMEOUT,
                    f"no answer from {settings.hostname} port {settings.port} through the jump host "
                    f"{jumps[-1]} within {seconds:.2g} s",
                ) from None
            raise HostFailed(
                FailureReason.SSH, f"the connection to the jump host {jumps[-1]} ended: {describe_error(error)}"
            ) from None

    def _jump_link(self, jumps: JumpPath, deadline: Deadline, waiting: tuple[JumpPath, ...]) -> Link:
        """Return the shared connection to a jump host. The first host that needs it opens it."""
        if jumps in waiting:
            raise HostFailed(
                FailureReason.SSH, f"ProxyJump contains a cycle: {jumps[-1]} would be reached through itself"
            )
        started = time.monotonic()
        with self._lock:
            jump_host = self._jump_hosts.setdefault(jumps, _JumpHost())
        if not jump_host.lock.acquire(timeout=deadline.remaining()):
            raise HostFailed(
                FailureReason.TIMEOUT, f"the jump host {jumps[-1]} was not reached within {deadline.seconds:g} s"
            )
        try:
            if jump_host.link and jump_host.link.is_active():
                return jump_host.link
            # An attempt failed while this host waited for it: another one would use up this host's time
            if jump_host.failure and jump_host.failed_at > started:
                raise jump_host.failure
            try:
                settings = self._config.settings(jumps[-1], deadline)
                path = jumps[:-1] or settings.jumps
                jump_host.link = self._connect(settings, path, deadline, (*waiting, jumps))
            except HostFailed as failed:
                failure = failed.failure
                jump_host.failure = HostFailed(failure.reason, f"at the jump host {jumps[-1]}: {failure.message}")
                jump_host.failed_at = time.monotonic()
                raise jump_host.failure from None
            return jump_host.link
        finally:
            jump_host.lock.release()


def _refused_by_jump(settings: Settings, jump: str, refused: TunnelRefused) -> HostFailed:
    """Build the failure for a jump host that opened no connection. OpenSSH sends the text of a system error."""
    text = single_line(describe_error(refused), 200)
    if refused.code == _PROHIBITED:
        why = f"the jump host {jump} does not forward connections ({text})"
        return HostFailed(FailureReason.SSH, f"{why}: see AllowTcpForwarding and PermitOpen in its sshd_config")
    reason = FailureReason.REFUSED
    if any(part in text for part in ("timed out", "unreachable", "No route")):
        reason = FailureReason.TIMEOUT
    elif any(part in text for part in ("ame or service", "name resolution", "associated with hostname")):
        reason = FailureReason.DNS
    return HostFailed(
        reason, f"the jump host {jump} could not connect to {settings.hostname} port {settings.port}: {text}"
    )


def _count(drops: int) -> str:
    return f"{drops} connection{'' if drops == 1 else 's'}"
