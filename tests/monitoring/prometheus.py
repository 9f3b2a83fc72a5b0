"""A Prometheus server for tests: Debian's package, on loopback, with its files in a given directory."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
import requests
import yaml

T = TypeVar("T")

Sample = tuple[Mapping[str, str], float]
"""A series' labels, and its current value."""


class Prometheus:
    """Context manager that runs `prometheus`.

    `config` is the text of a prometheus.yml without `rule_files`, which are `rules`. If Prometheus is not
    installed, the test is skipped, or fails with OLAUDIT_REQUIRE_FLEET=1.
    """

    def __init__(self, directory: Path, config: str, rules: Sequence[Path] = ()) -> None:
        self._directory = directory
        self.config = directory / "prometheus.yml"
        self._rules = rules
        self.write(config)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{_free_port()}"

    def write(self, config: str) -> None:
        """Replace the configuration; `reload` applies it."""
        settings = {**yaml.safe_load(config), "rule_files": [str(rule) for rule in self._rules]}
        self.config.write_text(yaml.safe_dump(settings), encoding="utf-8")

    def __enter__(self) -> Self:
        require()
        argv = [
            "prometheus",
            f"--config.file={self.config}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            f"--storage.tsdb.path={self._directory / 'tsdb'}",
            "--storage.tsdb.min-block-duration=2h",
            "--storage.tsdb.retention.time=1d",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ]
        with (self._directory / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self._directory)
        try:
            self._until(lambda: _ready(self.url) or None, 20, "Prometheus did not start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if process := self._process:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def reload(self) -> None:
        """Reload the configuration and the rules."""
        requests.post(f"{self.url}/-/reload", timeout=10).raise_for_status()

    def api(self, path: str, **params: str | float) -> Any:
        """Request a path below /api/v1/; fail with Prometheus' error message."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=params, timeout=10).json()
        assert answer["status"] == "success", f"{answer.get('error')}: {params}"
        return answer["data"]

    def query(self, expr: str) -> list[Sample]:
        """Evaluate `expr` now."""
        data = self.api("query", query=expr)
        assert data["resultType"] == "vector", expr
        return [(series["metric"], float(series["value"][1])) for series in data["result"]]

    def query_range(
        self, expr: str, seconds: float, step: float = 1
    ) -> list[tuple[Mapping[str, str], list[float]]]:
        """Evaluate `expr` over the last `seconds`."""
        end = time.time()
        data = self.api("query_range", query=expr, start=end - seconds, end=end, step=step)
        return [(series["metric"], [float(value) for _, value in series["values"]]) for series in data["result"]]

    def label_values(self, label: str, match: str) -> list[str]:
        """Return the values of a label in the series that match."""
        values: list[str] = self.api(f"label/{label}/values", **{"match[]": match})
        return values

    def alerts(self, state: str = "firing") -> list[Mapping[str, str]]:
        """Return the labels of the alerts in a state."""
        return [alert["labels"] for alert in self.api("alerts")["alerts"] if alert["state"] == state]

    def wait_for(
        self, expr: str, predicate: Callable[[list[Sample]], bool] = bool, seconds: float = 15
    ) -> list[Sample]:
        """Evaluate `expr` until `predicate` is true for the samples, and return them."""

        def matching_samples() -> list[Sample] | None:
            samples = self.query(expr)
            return samples if predicate(samples) else None

        return self._until(matching_samples, seconds, expr)

    def _until(self, poll: Callable[[], T | None], seconds: float, condition: str) -> T:
        deadline = time.monotonic() + seconds
        while (value := poll()) is None:
            log = (self._directory / "prometheus.log").read_text(encoding="utf-8", errors="replace")
            assert self._process, condition
            assert self._process.poll() is None, f"Prometheus ended:\n{log}"
            assert time.monotonic() < deadline, f"not within {seconds} s: {condition}\n{log[-2000:]}"
            time.sleep(0.1)
        return value


def require() -> None:
    """Skip the test if Prometheus is not installed; with OLAUDIT_REQUIRE_FLEET=1 fail instead."""
    if shutil.which("prometheus") is None:
        if os.environ.get("OLAUDIT_REQUIRE_FLEET") == "1":
            pytest.fail("prometheus is not installed", pytrace=False)
        pytest.skip("prometheus is not installed")


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=1).ok
    except requests.ConnectionError:
        return False


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
