"""The shipped expected files and the simulated fleet, behind real SSH: as it is used."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from olaudit.checks import CHECKERS
from olaudit.cli import main
from olaudit.cli.auditing import Tools, make_transport
from olaudit.demo.drifts import DRIFTS
from olaudit.demo.faults import HostFault
from olaudit.demo.fleet import simulated
from olaudit.demo.network import StaticDnsTransport, dns_records
from olaudit.serve.run_history import read_run_history
from tests.demo.auditing import shipped_fleet
from tests.serve.process import SHIPPED, serving
from tests.serve.running import get, ready, samples


def test_it_ends_within_three_seconds_while_a_host_lets_one_in_and_never_answers() -> None:
    with (
        simulated(
            shipped_fleet(), faults={"ol-home0": HostFault.RUNS_NO_COMMAND, "ol-db1": HostFault.SENDS_NO_GREETING}
        ) as simulation,
        serving(simulation.ssh_config) as (process, port),
    ):
        end = time.monotonic() + 20
        while len([one for one in samples(get(port, "/metrics").body) if "host_up" in one]) < 12:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert 'olaudit_host_up{host="ol-mem0"} 1.0' in get(port, "/probe?target=ol-mem0").body
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - started < 3


def test_the_drifting_fleet_is_told_in_metrics() -> None:
    with simulated(shipped_fleet(), DRIFTS) as simulation, serving(simulation.ssh_config) as (_, port):
        ready(port)
        text = get(port, "/metrics").body
        found = samples(text)
        drifts = {series for series, value in found.items() if series.startswith("olaudit_drift{") and value}
        assert {host: "".join(drifts).count(f'"{host}"') for host in shipped_fleet().hosts} == {
            host: int(host in {one.host for one in simulation.drifts} - {"ol-db2"})
            for host in shipped_fleet().hosts
        }
        assert found['olaudit_host_up{host="ol-db2"}'] == 0
        assert len(found) < 1500


def test_the_page_says_what_is_new_since_the_last_nightly_run(
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
        ready(port)
        body = get(port, "/").body
    assert "No history was asked" not in body
    assert "openlibrary-web_nginx-1" in body.partition('id="fleet"')[0]
