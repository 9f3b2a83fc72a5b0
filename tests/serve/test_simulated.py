"""`olaudit serve` with the shipped expected files, over real SSH to the simulated fleet."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from olaudit.checks import CHECKERS
from olaudit.cli import main
from olaudit.cli.fleet_audit import Tools, make_transport
from olaudit.demo.drifts import DRIFTS
from olaudit.demo.faults import HostFault
from olaudit.demo.fleet import simulated
from olaudit.demo.network import StaticDnsTransport, dns_records
from olaudit.serve.events import read_run_history
from tests.demo.auditing import shipped_fleet
from tests.serve.harness import get, parse_samples, wait_until_ready
from tests.serve.process import SHIPPED, serving


def test_sigterm_ends_the_server_while_hosts_hang() -> None:
    with (
        simulated(
            shipped_fleet(), faults={"ol-home0": HostFault.RUNS_NO_COMMAND, "ol-db1": HostFault.SENDS_NO_GREETING}
        ) as simulation,
        serving(simulation.ssh_config) as (process, port),
    ):
        end = time.monotonic() + 20
        while sum("host_up" in series for series in parse_samples(get(port, "/metrics").body)) < 12:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert 'olaudit_host_up{host="ol-mem0"} 1.0' in get(port, "/probe?target=ol-mem0").body
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - started < 3


def test_metrics_show_the_simulated_drift() -> None:
    with simulated(shipped_fleet(), DRIFTS) as simulation, serving(simulation.ssh_config) as (_, port):
        wait_until_ready(port)
        text = get(port, "/metrics").body
        samples = parse_samples(text)
        drifting = {series for series, value in samples.items() if series.startswith("olaudit_drift{") and value}
        assert {host: "".join(drifting).count(f'"{host}"') for host in shipped_fleet().hosts} == {
            host: int(host in {drift.host for drift in simulation.drifts} - {"ol-db2"})
            for host in shipped_fleet().hosts
        }
        assert samples['olaudit_host_up{host="ol-db2"}'] == 0
        assert len(samples) < 1500


def test_page_shows_changes_since_the_last_nightly_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    history = tmp_path / "history.sqlite"
    options = ("-e", str(SHIPPED), "--only", "memcached.*,container.*")
    with simulated(shipped_fleet()) as simulation:
        tools = Tools(
            CHECKERS, lambda options: StaticDnsTransport(make_transport(options), dns_records(shipped_fleet()))
        )
        reports = ("--reports", str(tmp_path / "reports"), "--history", str(history))
        assert main(["report", *options, "--ssh-config", str(simulation.ssh_config), *reports], tools) == 0
    capsys.readouterr()
    run_history = read_run_history(history)
    assert (len(run_history.runs), run_history.states) == (1, {})
    with (
        simulated(shipped_fleet(), DRIFTS) as simulation,
        serving(simulation.ssh_config, "--history", str(history), *options[2:]) as (_, port),
    ):
        wait_until_ready(port)
        body = get(port, "/").body
    assert "does not include history" not in body
    assert "openlibrary-web_nginx-1" in body.partition('id="fleet"')[0]
