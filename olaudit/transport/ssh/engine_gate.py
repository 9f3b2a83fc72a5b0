"""Search for a running Docker Engine over the SSH connection, before a stream connects to the engine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

from olaudit.facts.engines import SCRIPT
from olaudit.model import Answer, Answered, Unanswered

if TYPE_CHECKING:
    from olaudit.transport import Deadline
    from olaudit.transport.ssh.link import Link

SHELL_INPUT = f"PATH=$PATH:/usr/bin:/bin LC_ALL=C\nexport PATH LC_ALL\n{SCRIPT}\n"
"""Standard input of the session's shell."""

_MAX_BYTES = 1 << 20
_RETRY_SECONDS = 0.1
_RETRIES = 20


class EngineGate:
    """Runner of the script of `facts.engines`, in a second session in addition to that of the batch.

    A server with `MaxSessions 1` opens one session at a time, and the batch must get it. The gate therefore opens
    its session after that of the batch. If the server refuses it, the gate tries again when the batch is done.
    """

    def __init__(self, link: Link, deadline: Deadline) -> None:
        self._link = link
        self._deadline = deadline
        self._batch_opened = threading.Event()
        self._batch_done = threading.Event()

    def batch_opened(self) -> None:
        """Record that the batch has its session."""
        self._batch_opened.set()

    def batch_done(self) -> None:
        """Record that the batch has ended, or will not start."""
        self._batch_opened.set()
        self._batch_done.set()

    def find_engines(self) -> Answer:
        """Run the script, which makes no connection and starts no service, and return its answer."""
        self._batch_opened.wait(self._deadline.remaining())
        try:
            return self._run_or_retry()
        except TimeoutError:
            return Unanswered(f"no answer within {self._deadline.seconds:g} s")
        except (paramiko.SSHException, OSError, EOFError) as error:
            return Unanswered(f"no session could be opened: {error}")

    def _run_or_retry(self) -> Answer:
        try:
            return self._run()
        except paramiko.ChannelException:
            self._batch_done.wait(self._deadline.remaining())
        for _ in range(_RETRIES):  # the server frees the session of the batch when both sides have closed it
            try:
                return self._run()
            except paramiko.ChannelException:
                if self._deadline.passed() or not self._link.is_active():
                    raise
                threading.Event().wait(_RETRY_SECONDS)
        return self._run()

    def _run(self) -> Answer:
        channel = self._link.execute("exec /bin/sh", self._deadline.remaining())
        try:
            self._limit_wait(channel)
            channel.sendall(SHELL_INPUT.encode())
            channel.shutdown_write()
            return Answered(self._read(channel))
        finally:
            channel.close()

    def _read(self, channel: paramiko.Channel) -> str:
        text = b""
        while len(text) <= _MAX_BYTES:
            self._limit_wait(channel)
            if not (data := channel.recv(1 << 16)):
                break
            text += data
        return text.decode(errors="backslashreplace")

    def _limit_wait(self, channel: paramiko.Channel) -> None:
        channel.settimeout(max(0.001, self._deadline.remaining()))
