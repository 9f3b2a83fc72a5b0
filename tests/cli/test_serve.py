"""`olaudit serve`: its options, and a real process: signals, reloads, the end."""

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
from tests.serve.running import get

ROOT = Path(__file__).parents[2]
TOY = (sys.executable, "-m", "tests.cli.fleet")  # ol-a answers, all others hang

pytestmark = pytest.mark.usefixtures("expected")


class Process:
    """`olaudit serve` as a real process."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> list[str]:
        return self._log.read_text().splitlines()

    def until(self, pattern: str, seconds: float = 15) -> re.Match[str]:
        """Wait for a line of the log."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            for line in self.log:
                if found := re.fullmatch(pattern, line):
                    return found
            time.sleep(0.02)
        raise AssertionError("\n".join(self.log))

    def end(self, number: signal.Signals) -> float:
        """Send a signal; say after how many seconds it had ended."""
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(20)
        return time.monotonic() - started


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[Process, int]]:
    """Run it in `folder`, on a free port."""
    command = [*TOY, "serve", "--listen", "127.0.0.1:0", *arguments]
    log = folder / "log"
    with log.open("w") as stderr:
        started = subprocess.Popen(
            command, cwd=folder, stderr=stderr, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
    process = Process(started, log)
    try:
        line = process.until(r"olaudit: listening on http://127\.0\.0\.1:(\d+); .*")
        yield process, int(line[1])
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        started.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_three_seconds_while_hosts_hang_and_are_probed(
    number: signal.Signals, tmp_path: Path
) -> None:
    with serving(tmp_path) as (process, port), socket.create_connection(("127.0.0.1", port)) as probing:
        process.until(".*ol-b hangs.*")  # ol-c may say so on the same line
        probing.sendall(b"GET /probe?target=ol-b HTTP/1.1\r\nHost: localhost\r\n\r\n")
        idle = socket.create_connection(("127.0.0.1", port))
        assert get(port, "/healthz").status == 200
        assert process.end(number) < 3
        assert process.process.returncode == 0
        assert probing.recv(100).startswith(b"HTTP/1.1 503 ")
        assert process.log[-1] == "olaudit: stopped"
        idle.close()


def test_the_log_begins_with_where_it_listens_and_what_it_audits(tmp_path: Path) -> None:
    with serving(tmp_path, "--interval", "60") as (process, _):
        process.until(r"olaudit: listening on \S+; 3 hosts, audited every 60 s, as of revision [0-9a-f]{12}")
    with serving(tmp_path, "--interval", "0") as (process, _):
        process.until(r"olaudit: listening on \S+; 3 hosts, audited when probed, as of revision [0-9a-f]{12}")


def test_a_broken_edit_keeps_what_was_is_said_once_and_mended_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "expected" / "hosts" / "ol-c.yaml"
    with serving(tmp_path) as (process, port):
        file.write_text("host: ol-c\nkernal: Linux\n")
        process.until("olaudit: expected/hosts/ol-c.yaml:2: unknown key 'kernal'.*")
        process.until("olaudit: the expected files are not valid: revision [0-9a-f]{12} stays in use")
        assert "olaudit_config_reload_success 0.0" in get(port, "/metrics").body
        assert "ol-c" in get(port, "/targets").body
        file.unlink()
        process.until("olaudit: expected files reloaded: revision [0-9a-f]{12}, 2 hosts")
        assert "olaudit_config_reload_success 1.0" in get(port, "/metrics").body
        assert "ol-c" not in get(port, "/targets").body
        assert sum("kernal" in line for line in process.log) == 1


def test_sighup_reads_the_expected_files_at_once(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, _):
        process.process.send_signal(signal.SIGHUP)
        process.until("olaudit: expected files reloaded: revision [0-9a-f]{12}, 3 hosts", 1.5)


def test_a_web_configuration_that_changes_is_read_again_and_a_broken_one_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("{}")
    with serving(tmp_path, "--web.config.file", "web.yaml") as (process, port):
        file.write_text("basic_auth_users: {a: b}")
        process.until("olaudit: web.yaml: basic_auth_users.a: this is no bcrypt hash: .*")
        assert get(port, "/healthz").status == 200
        file.write_text(f"basic_auth_users: {{a: $2b$04${'.' * 53}}}")
        process.until("olaudit: web.yaml reloaded")
        assert get(port, "/healthz").status == 401
        file.write_text("{}")
        process.until("olaudit: that no user is asked for any more is taken over by a restart only")
        assert get(port, "/healthz").status == 401


# --- what makes no sense ---------------------------------------------------------------------------------------

NOT_A_PLACE = "Invalid value for '--listen': {!r} is not HOST:PORT, such as 127.0.0.1:9877 or [::1]:9877"
NONSENSE = {
    "--listen 9877": NOT_A_PLACE.format("9877"),
    "--listen :9877": NOT_A_PLACE.format(":9877"),
    "--listen ::1:9877": NOT_A_PLACE.format("::1:9877"),
    "--listen [::1]": NOT_A_PLACE.format("[::1]"),
    "--listen a:b": NOT_A_PLACE.format("a:b"),
    "--listen 127.0.0.1:70000": "Invalid value for '--listen': there is no port 70000: the last is 65535",
    "--listen 192.0.2.1:9877": "cannot listen on 192.0.2.1:9877: Cannot assign requested address",
    "--listen [2001:db8::1]:9877": "cannot listen on [2001:db8::1]:9877: Cannot assign requested address",
    "--interval -1": "Invalid value for '--interval': -1.0 is not in the range x>=0",
    "--interval nan": "Invalid value for '--interval': 'nan' is no number of seconds",
    "--timeout inf": "Invalid value for '--timeout': 'inf' is no number of seconds",
    "--web.config.file no.yaml": "no.yaml: cannot be read: No such file or directory",
    "--history expected": "Invalid value for '--history': File 'expected' is a directory.",
    "--history fleet": "fleet is no history of olaudit, and no SQLite database",
    "--only nothing": "no check id matches 'nothing'",
    "--format json": "No such option '--format'",
    "-e no": "there is no folder no",
    "ol-a": "Got unexpected extra argument (ol-a)",
}


@pytest.mark.parametrize(("arguments", "message"), NONSENSE.items())
def test_what_makes_no_sense_is_one_clear_line_before_any_host_is_asked(
    arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fleet").write_text("this is no database, and longer than the head of one is: " + "x" * 100)
    assert main(["serve", *arguments.split()], tools({})) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"olaudit: {message}")
    assert len(err.splitlines()) <= 2
    assert out == ""


def test_an_address_in_use_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--listen", f"127.0.0.1:{port}"], tools({})) == 2
    assert capsys.readouterr().err == (
        f"olaudit: cannot listen on 127.0.0.1:{port}: Address already in use\n"
        "hint: is another `olaudit serve` running? --listen takes another port\n"
    )


def test_expected_files_that_are_not_valid_are_said_and_nothing_is_served(
    expected: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (expected / "hosts" / "ol-a.yaml").write_text("host: ol-a\nkernal: Linux\n")
    assert main(["serve", "--listen", "127.0.0.1:0"], tools({})) == 2
    assert capsys.readouterr().err.startswith("expected/hosts/ol-a.yaml:2: unknown key 'kernal'")
