"""Search for the engine's process before a connection to its socket, with real processes and servers."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from olaudit.facts.engines import PROBE, SCRIPT, Engines, parse_engines
from olaudit.facts.versions import COMPOSE
from olaudit.model import (
    Answer,
    Answered,
    Command,
    ContainerFields,
    EngineVersion,
    Probe,
    Unanswered,
    Unknown,
)
from olaudit.transport import Deadline
from olaudit.transport.engine import obstacle
from olaudit.transport.local import LocalTransport
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd, running

HELLO = Command(("echo", "hello"))
STOPPED = Unanswered(
    "the Docker Engine is not running there: no process is dockerd; it was not contacted because connecting could "
    "start it"
)
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's dockerd can serve /var/run/docker.sock")


@contextlib.contextmanager
def dockerd(folder: Path, *wrapper: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process with the name dockerd."""
    program = shutil.copy("/usr/bin/sleep", folder / "dockerd")
    with subprocess.Popen([*wrapper, program, "60"]) as process:
        time.sleep(0.2)
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def unix_engine(path: Path, answer: bytes) -> Iterator[list[socket.socket]]:
    """Listen as docker.socket does, and send `answer` to every request; yield the list of connections."""
    connections: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while connection.recv(65536):
                    connection.sendall(answer)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connections.append(connection)
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield connections
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                connection.close()


VERSION = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"Version": "1"}'
QUERIES = (EngineVersion(), ContainerFields())
DRIP = b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"


@pytest.fixture
def docker_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "docker.sock"
    for transport in ("local", "ssh.engine_access"):
        monkeypatch.setattr(f"olaudit.transport.{transport}.DOCKER_SOCKET", str(path))
    return path


def engines() -> Engines:
    done = subprocess.run(PROBE.argv, capture_output=True, check=True, text=True)
    assert done.stderr == ""
    running_engines = parse_engines(Answered(done.stdout, done.stderr, done.returncode))
    assert isinstance(running_engines, Engines)
    return running_engines


def ask(config: Path, *probes: Probe, seconds: float = 10) -> dict[Probe, Answer]:
    transport = SshTransport(SshConfig(config))
    try:
        return dict(transport.ask("host", probes, Deadline.after(seconds)))
    finally:
        transport.close()


# --- processes ---


@root
def test_engine_process_is_found(tmp_path: Path) -> None:
    with dockerd(tmp_path) as process:
        assert engines().serving == (f"{tmp_path}/dockerd",)
        assert obstacle(engines()) == ""
        process.kill()
        time.sleep(0.1)  # its parent has not reaped it yet: it is a zombie
        assert engines().serving == ()


@root
def test_engine_in_a_container_is_not_the_hosts(tmp_path: Path) -> None:
    with dockerd(tmp_path, "unshare", "--pid", "--fork", "--kill-child"):
        assert engines().serving == ()
        assert f"{tmp_path}/dockerd" in engines().in_containers


@root
def test_dockerd_of_another_user_is_not_the_hosts_engine(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    with dockerd(folder, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") as process:
        running_engines = engines()
    assert running_engines.serving == ()
    assert running_engines.on_other_sockets in {
        (f"dockerd (process {process.pid})",),
        (),
    }  # other users may have no access to /tmp


@root
@pytest.mark.parametrize("hidepid", [1, 2])
def test_hidden_processes_are_unknown(hidepid: int) -> None:
    mount = f"mount -t proc -o hidepid={hidepid} proc /proc"
    user = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    wrapper = ("unshare", "--mount", "--pid", "--fork", "sh", "-c", f'{mount} && {user} -- "$@"; exit $?', "sh")
    done = subprocess.run([*wrapper, *PROBE.argv], capture_output=True, check=False, text=True)
    if "hidepid" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"/proc cannot be mounted here: {done.stderr}")
    result = parse_engines(Answered(done.stdout, done.stderr, done.returncode))
    assert result == Unknown("/proc does not show the processes of other users there (hidepid)")
    assert obstacle(result).startswith(
        "whether a Docker Engine runs there could not be determined: /proc does not"
    )


@pytest.mark.parametrize(
    ("argument", "other"), [("-H=fd://", "--host=unix:///run/second.sock"), ("-Hfd://", "-Hunix:///run/x.sock")]
)
@root
def test_only_the_socket_arguments_of_a_daemon_are_read(tmp_path: Path, argument: str, other: str) -> None:
    script = tmp_path / "dockerd"
    script.write_text("#!/bin/sh\nsleep 60 & wait\n")
    script.chmod(0o755)
    secrets = ("--log-opt", "splunk-token=secret", "a\nprocess 7\ncommand dockerd")
    for host in (argument, other):
        with subprocess.Popen([script, *secrets, host], process_group=0) as process:
            time.sleep(0.2)
            running_engines = engines()
            os.killpg(process.pid, 9)
        assert "secret" not in str(running_engines)
        assert len(running_engines.serving) + len(running_engines.on_other_sockets) == 1
        assert bool(running_engines.serving) is (host == argument)


def test_incomplete_process_list_is_unanswered() -> None:
    done = subprocess.run(PROBE.argv, capture_output=True, check=True, text=True)
    assert isinstance(parse_engines(Answered(done.stdout)), Engines)
    lines = done.stdout.splitlines(keepends=True)
    for count in range(len(lines)):
        assert isinstance(parse_engines(Answered("".join(lines[:count]))), Unknown)
    assert isinstance(parse_engines(Answered(done.stdout, status=139)), Unknown)
    assert isinstance(parse_engines(Answered(f"Welcome to this host!\n{done.stdout}")), Engines)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("probe", [PROBE, COMPOSE.probe], ids=["engine", "compose"])
def test_probe_makes_no_connection_and_writes_no_file(probe: Command, tmp_path: Path) -> None:
    """The probe for Compose runs its plugin directly: the docker command would connect to the engine."""
    plugins = tmp_path / ".docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    plugin = plugins / "docker-compose"
    plugin.write_text('#!/bin/sh\n[ "$*" = docker-cli-plugin-metadata ] && echo \'{"Version": "v2.40.3"}\'\n')
    plugin.chmod(0o755)
    trace = tmp_path / "trace"
    traced_calls = (
        "trace=%network,open,openat,creat,mkdir,rename,unlink,unlinkat,link,symlink,chmod,chown,kill,execve"
    )
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", trace, "-e", traced_calls, *probe.argv],
        capture_output=True,
        check=True,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    calls = [line.split(maxsplit=1)[1] for line in trace.read_text().splitlines()]
    assert len(calls) > 10
    harmless = re.compile(r'execve\(|open(at)?\(.*O_RDONLY|open(at)?\(.*"/dev/null"|<\.\.\.|---|\+\+\+')
    assert [call for call in calls if not harmless.match(call)] == []
    if probe is COMPOSE.probe:
        assert done.stdout == b"v2.40.3\n"


# --- over SSH ---


def test_stopped_engine_is_not_contacted_over_ssh(server: Sshd, docker_socket: Path) -> None:
    with unix_engine(docker_socket, VERSION) as connections:
        assert ask(server.config(), HELLO, EngineVersion()) == {
            HELLO: Answered("hello\n"),
            EngineVersion(): STOPPED,
        }
        assert connections == []


@root
def test_running_engine_is_contacted_over_ssh(server: Sshd, docker_socket: Path, tmp_path: Path) -> None:
    with dockerd(tmp_path), unix_engine(docker_socket, VERSION) as connections:
        answers = ask(server.config(), HELLO, EngineVersion())
        assert answers == {HELLO: Answered("hello\n"), EngineVersion(): Answered('{"Version": "1"}')}
        assert len(connections) == 1


@root
def test_one_session_suffices_for_batch_and_gate(docker_socket: Path, tmp_path: Path) -> None:
    slow = Command(("sleep", "0.5"))
    for _ in range(3):
        with (
            running(tmp_path / "sshd", ["MaxSessions 1"]) as sshd_server,
            contextlib.ExitStack() as stack,
        ):
            stack.enter_context(dockerd(tmp_path))
            stack.enter_context(unix_engine(docker_socket, VERSION))
            answers = ask(sshd_server.config(), slow, HELLO, EngineVersion())
        docker_socket.unlink()
        assert answers[HELLO] == Answered("hello\n")
        assert answers[EngineVersion()] == Answered('{"Version": "1"}')


def test_hanging_search_loses_only_the_engine_answers(tmp_path: Path) -> None:
    script = """t=$(cat); case $t in *engine-processes*) sleep 30;; *) printf '%s\\n' "$t" | sh;; esac"""
    force = f"ForceCommand {script}"
    with running(tmp_path / "sshd", [force]) as sshd_server:
        started = time.monotonic()
        answers = ask(sshd_server.config(), HELLO, EngineVersion(), seconds=2)
        assert time.monotonic() - started < 3
    assert answers[HELLO] == Answered("hello\n")
    assert answers[EngineVersion()] == Unanswered(
        "whether a Docker Engine runs there could not be determined: no answer within 2 s; "
        "it was not contacted because connecting could start it"
    )


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if not thread.name.startswith("Thread-")}


@pytest.mark.parametrize("transport", ["ssh", "local"])
def test_command_answers_are_kept_when_the_engine_drips(
    server: Sshd, docker_socket: Path, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    monkeypatch.setattr("olaudit.transport.engine.obstacle", lambda _: "")
    before = _threads()
    with unix_engine(docker_socket, DRIP):
        started = time.monotonic()
        if transport == "ssh":
            answers = ask(server.config(), HELLO, *QUERIES, seconds=2)
        else:
            answers = dict(LocalTransport().ask("host", (HELLO, *QUERIES), Deadline.after(2)))
        assert time.monotonic() - started < 3
    assert answers[HELLO] == Answered("hello\n")
    for query in QUERIES:
        answer = answers[query]
        assert isinstance(answer, Unanswered)
        assert answer.reason.startswith("Docker's answer was not complete within ")
    until = time.monotonic() + 3
    while _threads() - before and time.monotonic() < until:
        time.sleep(0.05)
    assert _threads() - before == set()


# --- on this machine ---


def test_stopped_local_engine_is_not_contacted(docker_socket: Path) -> None:
    with unix_engine(docker_socket, VERSION) as connections:
        answers = dict(LocalTransport().ask("host", (EngineVersion(),), Deadline.after(5)))
        assert answers == {EngineVersion(): STOPPED}
        assert connections == []


def test_engine_that_never_accepts_ends_at_the_deadline(
    docker_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blocking connect to a Unix socket with a full queue never returns."""
    monkeypatch.setattr("olaudit.transport.engine.obstacle", lambda _: "")
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as stack:
        listener.bind(str(docker_socket))
        listener.listen(0)
        for _ in range(3):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                client.connect(str(docker_socket))
        started = time.monotonic()
        answers = dict(LocalTransport().ask("host", (HELLO, EngineVersion()), Deadline.after(1)))
        assert time.monotonic() - started < 2
    assert answers[HELLO] == Answered("hello\n")
    assert isinstance(answers[EngineVersion()], Unanswered)


def test_script_runs_in_all_shells() -> None:
    for shell in (("sh",), ("bash",), ("dash",), ("busybox", "ash"), ("posh",)):
        if not shutil.which(shell[0]):
            continue
        done = subprocess.run([*shell, "-c", SCRIPT], capture_output=True, check=True, text=True)
        assert isinstance(parse_engines(Answered(done.stdout, done.stderr)), Engines), shell
