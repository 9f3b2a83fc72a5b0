"""From a host's name to a connection that is logged in, through jump hosts where ssh_config says so."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import paramiko

from olaudit.model import Reason
from olaudit.transport import HostFailed
from olaudit.transport.ssh import trust
from olaudit.transport.ssh.dial import dial
from olaudit.transport.ssh.keys import KeyRing
from olaudit.transport.ssh.known_hosts import KnownHosts
from olaudit.transport.ssh.link import Link
from olaudit.transport.ssh.login import log_in, too_old_for_rsa

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.settings import Settings, SshConfig

_TRIES = 4
_MAX_JUMPS = 8


class _Dropped(Exception):  # noqa: N818 - caught here, and tried again
    """The server hung up before it said who it is."""


class Connector:
    """Makes connections; keys, known hosts and jump hosts are shared by all of a run's hosts."""

    def __init__(self, config: SshConfig) -> None:
        self._config = config
        self._ring = KeyRing()
        self._known = KnownHosts()
        self._lock = threading.Lock()
        self._jumps: dict[tuple[str, ...], tuple[threading.Lock, list[Link]]] = {}

    def connect(self, target: str, deadline: Deadline) -> tuple[Link, Settings]:
        """Connect to `[user@]host[:port]` and log in. Raises HostFailed."""
        settings = self._config.settings(target)
        return self._link(settings, settings.jumps, deadline), settings

    def close(self) -> None:
        """Close the connections to jump hosts."""
        for _, links in self._jumps.values():
            for link in links:
                link.close()

    def _link(self, settings: Settings, jumps: tuple[str, ...], deadline: Deadline) -> Link:
        """Connect, again if need be: an sshd with many logins under way drops some of them (MaxStartups)."""
        lines = self._known.about(settings.known_as, settings.known_hosts)
        for again in range(_TRIES):
            link = Link(self._stream(settings, jumps, deadline), trust.key_types(lines))
            try:
                _negotiate(link, settings, deadline)
                trust.check(settings, link.get_remote_server_key(), lines)
                log_in(link, settings, self._ring, deadline)
            except _Dropped:
                link.close()
                time.sleep(min(random.uniform(0.1, 0.5) * 2**again, deadline.left()))  # noqa: S311 - only to spread
            except BaseException:
                link.close()
                raise
            else:
                return link
        raise HostFailed(
            Reason.SSH,
            f"{settings} hung up {_TRIES} times before it said who it is: too many logins at once "
            "(MaxStartups in its sshd_config), a ban, or no sshd on that port",
        )

    def _stream(self, settings: Settings, jumps: tuple[str, ...], deadline: Deadline) -> Any:
        """Open what the connection runs over: a socket, or a channel through the last jump host."""
        if not jumps:
            return dial(settings, deadline)
        if len(jumps) > _MAX_JUMPS:
            raise HostFailed(
                Reason.SSH, f"{settings}: more than {_MAX_JUMPS} jump hosts: does ProxyJump go in a circle?"
            )
        jump = self._jump(jumps, deadline)
        try:
            return jump.open_channel(
                "direct-tcpip",
                (settings.hostname, settings.port),
                ("127.0.0.1", 0),
                timeout=min(settings.connect_seconds, deadline.left()),
            )
        except paramiko.ChannelException as error:
            raise HostFailed(
                Reason.REFUSED,
                f"the jump host {jumps[-1]} could not connect to {settings.hostname} port {settings.port}: "
                f"{error.text}",
            ) from None
        except paramiko.SSHException:
            raise HostFailed(
                Reason.TIMEOUT,
                f"nothing answers at {settings.hostname} port {settings.port} through the jump host {jumps[-1]}",
            ) from None

    def _jump(self, jumps: tuple[str, ...], deadline: Deadline) -> Link:
        """Give the one connection to a jump host that all hosts behind it share."""
        with self._lock:
            lock, links = self._jumps.setdefault(jumps, (threading.Lock(), []))
        if not lock.acquire(timeout=deadline.left()):
            raise HostFailed(Reason.TIMEOUT, f"the jump host {jumps[-1]} was not reached in time")
        try:
            if not (links and links[-1].is_active()):
                settings = self._config.settings(jumps[-1])
                try:
                    links.append(self._link(settings, jumps[:-1] or settings.jumps, deadline))
                except HostFailed as failed:
                    failure = failed.failure
                    raise HostFailed(failure.reason, f"at the jump host: {failure.message}") from None
            return links[-1]
        finally:
            lock.release()


def _negotiate(link: Link, settings: Settings, deadline: Deadline) -> None:
    """Exchange banners and keys. Raises HostFailed: timeout or ssh; or _Dropped."""
    link.banner_timeout = link.handshake_timeout = max(0.001, deadline.left())
    done = threading.Event()
    link.start_client(event=done)
    if not done.wait(deadline.left()):
        raise HostFailed(
            Reason.TIMEOUT,
            f"{settings} takes connections but sshd does not get through its greeting within "
            f"{deadline.seconds:g} s: overloaded, out of memory or processes?",
        )
    if link.is_active():
        return
    error = link.get_exception()
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        hint = "give it an ed25519 host key" if too_old_for_rsa(link) else "bring its sshd up to date"
        raise HostFailed(Reason.SSH, f"{settings}, {link.remote_version}: {error}: {hint}")
    if not link.remote_version:
        raise _Dropped
    raise HostFailed(Reason.SSH, f"{settings}, {link.remote_version}: {error or 'the connection broke off'}")
