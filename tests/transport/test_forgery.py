"""An unprivileged user of a host tries to forge answers of other users' commands, over a real sshd."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from olaudit.model import Answered, Answers, Command
from olaudit.transport import Deadline
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd

ATTACKER = r"""
import base64, os, pathlib, re, sys, time
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
fifo, trace = sys.argv[1:]
with open(fifo, "wb") as stream:  # opens when the probe reads: the batch is running
    time.sleep(0.5)
    tokens = set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                tokens |= set(re.findall(rb"\b[0-9a-f]{32}\b", (process / name).read_bytes()))
            except OSError:
                pass
    for token in tokens:
        for victim in (b"0", b"2"):
            forged = token + b" o %b\nforged\n%b e %b 0\n\n%b z %b\n" % (victim, token, victim, token, victim)
            stream.write(b"\n" + forged + token + b" l %b " % victim + base64.b64encode(forged) + b"\n")
with open(trace, "wb") as file:
    file.write(b" ".join(tokens))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run the attacker as another user")
def test_unprivileged_user_cannot_forge_answers(server: Sshd, tmp_path: Path) -> None:
    """The attacker reads every argument list in /proc, and controls the output of one probe."""
    fifo, trace = tmp_path / "fifo", tmp_path / "trace"
    os.mkfifo(fifo)
    trace.touch()
    for path in (fifo, trace):
        path.chmod(0o666)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    cheap = Command(("echo", "true"))
    attacked = Command(("cat", str(fifo)), may_hang=True)
    slow = Command(("sh", "-c", "sleep 2; echo true"), may_hang=True)
    decoy = secrets.token_hex(16)
    with (
        subprocess.Popen((decoy, "30"), executable="/bin/sleep") as shown,
        subprocess.Popen((sys.executable, "-c", ATTACKER, fifo, trace)) as attacker,
    ):
        transport = SshTransport(SshConfig(server.config()))
        try:
            answers: Answers = transport.ask("host", (cheap, attacked, slow), Deadline.after(10))
        finally:
            transport.close()
            shown.kill()
        assert attacker.wait(10) == 0
    assert decoy in trace.read_text().split(), "the attacker reads the arguments of other users' processes"
    assert answers[cheap] == Answered("true\n")
    assert answers[slow] == Answered("true\n")
    assert decoy in str(answers[attacked])
