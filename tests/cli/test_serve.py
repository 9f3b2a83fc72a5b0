"""`olaudit serve`: its options, and a real process: signals, reloads, shutdown."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from olaudit.cli import main
from tests.cli.fleet import tools
from tests.serve.harness import get

ROOT = Path(__file__).parents[2]
TEST_FLEET = (sys.executable, "-m", "tests.cli.fleet")  # ol-a answers, all other hosts hang

pytestmark = pytest.mark.usefixtures("expected")


class ServeProcess:
    """`olaudit serve` as a real process."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> list[str]:
        return self._log.read_text().splitlines()

    def wait_for_line(self, pattern: str, seconds: float = 15) -> re.Match[str]:
        """Wait for a log line that matches `pattern`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            for line in self.log:
                if match := re.fullmatch(pattern, line):
                    return match
            time.sleep(0.02)
        raise AssertionError("\n".join(self.log))

    def end(self, number: signal.Signals) -> float:
        """Send a signal; return the seconds until the process ended."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - started


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[ServeProcess, int]]:
    """Run `olaudit serve` in `folder`, on a free port."""
    command = [*TEST_FLEET, "serve", "--listen", "127.0.0.1:0", *arguments]
    log = folder / "log"
    with log.open("w") as stderr:
        started = subprocess.Popen(
            command, cwd=folder, stderr=stderr, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
    process = ServeProcess(started, log)
    try:
        line = process.wait_for_line(r"olaudit: listening on http://127\.0\.0\.1:(\d+); .*")
        yield process, int(line[1])
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        started.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_server_while_hosts_hang(number: signal.Signals, tmp_path: Path) -> None:
    with serving(tmp_path) as (process, port), socket.create_connection(("127.0.0.1", port)) as probing:
        process.wait_for_line(".*ol-b hangs.*")  # the output of ol-c may be on the same line
        probing.sendall(b"GET /probe?target=ol-b HTTP/1.1\r\nHost: localhost\r\n\r\n")
        idle = socket.create_connection(("127.0.0.1", port))
        assert get(port, "/healthz").status == 200
        assert process.end(number) < 3
        assert process.process.returncode == 0
        assert probing.recv(100).startswith(b"HTTP/1.1 503 ")
        assert process.log[-1] == "olaudit: stopped"
        idle.close()


def test_log_starts_with_the_address_and_the_schedule(tmp_path: Path) -> None:
    with serving(tmp_path, "--interval", "60") as (process, _):
        process.wait_for_line(
            r"olaudit: listening on \S+; 3 hosts, audited every 60 s, expected revision [0-9a-f]{12}"
        )
    with serving(tmp_path, "--interval", "0") as (process, _):
        process.wait_for_line(
            r"olaudit: listening on \S+; 3 hosts, audited when probed, expected revision [0-9a-f]{12}"
        )


def test_invalid_edit_is_logged_once_and_can_be_fixed(tmp_path: Path) -> None:
    file = tmp_path / "expected" / "hosts" / "ol-c.yaml"
    with serving(tmp_path) as (process, port):
        file.write_text("host: ol-c\nkernal: Linux\n")
        process.wait_for_line("olaudit: expected/hosts/ol-c.yaml:2: unknown key 'kernal'.*")
        process.wait_for_line("olaudit: the expected files are not valid: revision [0-9a-f]{12} remains in use")
        assert "olaudit_config_reload_success 0.0" in get(port, "/metrics").body
        assert "ol-c" in get(port, "/targets").body
        file.unlink()
        process.wait_for_line("olaudit: expected files reloaded: revision [0-9a-f]{12}, 2 hosts")
        assert "olaudit_config_reload_success 1.0" in get(port, "/metrics").body
        assert "ol-c" not in get(port, "/targets").body
        assert sum("kernal" in line for line in process.log) == 1


def test_sighup_reloads_the_expected_files(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, _):
        process.process.send_signal(signal.SIGHUP)
        process.wait_for_line("olaudit: expected files reloaded: revision [0-9a-f]{12}, 3 hosts", 1.5)


def test_changed_web_configuration_is_used_if_valid(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("{}")
    with serving(tmp_path, "--web.config.file", "web.yaml") as (process, port):
        file.write_text("basic_auth_users: {a: b}")
        process.wait_for_line("olaudit: web.yaml: basic_auth_users.a: not a bcrypt hash: .*")
        assert get(port, "/healthz").status == 200
        file.write_text(f"basic_auth_users: {{a: $2b$04${'.' * 53}}}")
        process.wait_for_line("olaudit: web.yaml reloaded")
        assert get(port, "/healthz").status == 401
        file.write_text("{}")
        process.wait_for_line("olaudit: all users can be removed only by a restart: .*")
        assert get(port, "/healthz").status == 401


# --- wrong usage -----------------------------------------------------------------------------------------------

NOT_AN_ADDRESS = "Invalid value for '--listen': {!r} is not HOST:PORT, such as 127.0.0.1:9877 or [::1]:9877"
WRONG_USAGE = {
    "--listen 9877": NOT_AN_ADDRESS.format("9877"),
    "--listen :9877": NOT_AN_ADDRESS.format(":9877"),
    "--listen ::1:9877": NOT_AN_ADDRESS.format("::1:9877"),
    "--listen [::1]": NOT_AN_ADDRESS.format("[::1]"),
    "--listen a:b": NOT_AN_ADDRESS.format("a:b"),
    "--listen 127.0.0.1:70000": "Invalid value for '--listen': 70000 is not a port: the highest is 65535",
    "--listen 192.0.2.1:9877": "cannot listen on 192.0.2.1:9877: Cannot assign requested address",
    "--listen [2001:db8::1]:9877": "cannot listen on [2001:db8::1]:9877: Cannot assign requested address",
    "--interval -1": "Invalid value for '--interval': -1.0 is not in the range x>=0",
    "--interval nan": "Invalid value for '--interval': 'nan' is not a finite number of seconds",
    "--timeout inf": "Invalid value for '--timeout': 'inf' is not a finite number of seconds",
    "--web.config.file no.yaml": "no.yaml: cannot be read: No such file or directory",
    "--history expected": "Invalid value for '--history': File 'expected' is a directory.",
    "--history fleet": "fleet is not a history of olaudit, and not a SQLite database",
    "--only nothing": "no check id matches 'nothing'",
    "--format json": "No such option '--format'",
    "-e no": "there is no folder no",
    "ol-a": "Got unexpected extra argument (ol-a)",
}


@pytest.mark.parametrize(("arguments", "message"), WRONG_USAGE.items())
def test_wrong_usage_is_a_short_error_before_the_audit(
    arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fleet").write_text("not a database, and longer than a database header: " + "x" * 100)
    assert main(["serve", *arguments.split()], tools({})) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"olaudit: {message}")
    assert len(err.splitlines()) <= 2
    assert out == ""


def test_address_in_use_is_an_error_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert main(["serve", "--listen", f"127.0.0.1:{port}"], tools({})) == 2
    assert capsys.readouterr().err == (
        f"olaudit: cannot listen on 127.0.0.1:{port}: Address already in use\n"
        "hint: is another `olaudit serve` running? Choose another port with --listen\n"
    )


def test_invalid_expected_files_prevent_the_start(expected: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (expected / "hosts" / "ol-a.yaml").write_text("host: ol-a\nkernal: Linux\n")
    assert main(["serve", "--listen", "127.0.0.1:0"], tools({})) == 2
    assert capsys.readouterr().err.startswith("expected/hosts/ol-a.yaml:2: unknown key 'kernal'")
