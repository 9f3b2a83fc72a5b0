"""Recordings of the lab, from which `olaudit demo` and the simulated fleet of the tests answer.

`python -m tests.fleet record` writes a file per host to olaudit/demo/recordings. The answers are those of the lab
in its expected state, after the edits below: an edit completes what the lab cannot provide, or replaces what is
specific to this machine or this run. A second recording on the same machine therefore gives the same files.
"""

import hashlib
import json
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from olaudit import recording
from olaudit.audit import plan, select_checks
from olaudit.checks import CHECKERS
from olaudit.collect import CollectedAnswers, Job, collect
from olaudit.demo.present import RECORDED_AT, docker_time, openssl_time
from olaudit.expected import load
from olaudit.model import (
    Answered,
    Answers,
    Command,
    ConnectionProbe,
    ContainerChanges,
    HostAnswers,
    Lookup,
    Probe,
)
from olaudit.transport.ssh import SshTransport
from olaudit.transport.ssh.settings import SshConfig
from tests.fleet.auditing import EXPECTED
from tests.fleet.engine import SECRET
from tests.fleet.errors import LabError
from tests.fleet.inventory import INVENTORY, Machine, Role
from tests.fleet.lab import Lab

RECORDINGS = Path(__file__).parents[2] / "olaudit" / "demo" / "recordings"

MACHINES = (*INVENTORY, Machine("ol-dev", Role.DOCKER, "debian"))
"""All hosts of the expected files. The wiki page gives of ol-dev only its name: it has no containers."""

_TIMEOUT_SECONDS = 60.0
_DAY = 86400.0

_RUNNING_UNIT = """\
RequiredBy=
WantedBy=multi-user.target
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
shown=0
"""
_MOUNT = re.compile(
    r"(?P<process>(?:/proc/(?P<pid>\d+)/mountinfo:)?)\d+ \d+ \d+:\d+ (?P<root>\S+) (?P<at>\S+) (?P<options>\S+)"
    r"(?: \S+)* - .*"
)


def write(lab: Lab, folder: Path = RECORDINGS) -> None:
    """Record the hosts of a running lab, one file per host; other files of the folder are removed."""
    texts = record(lab)
    folder.mkdir(exist_ok=True)
    for file in folder.glob("*.json"):
        file.unlink()
    for name, text in texts.items():
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def record(lab: Lab) -> dict[str, str]:
    """Record the hosts of a running lab, and return the text of each host's recording. Raises LabError."""
    fleet = load(EXPECTED, CHECKERS)
    jobs = [
        Job(name, _host_probes(plan(fleet.hosts[name], CHECKERS, select_checks(CHECKERS)))) for name in lab.hosts
    ]
    with closing(SshTransport(SshConfig(lab.ssh_config))) as transport:
        collected = collect(jobs, transport, parallel=2, timeout=_TIMEOUT_SECONDS)
    texts = {host.host: _recording(host, lab) for host in collected.hosts}
    for forbidden in (SECRET, lab.layout.name, str(lab.layout.gateway).rpartition(".")[0], socket.gethostname()):
        for name, text in texts.items():
            if forbidden in text:
                raise LabError(f"the recording of {name} contains {forbidden!r}: edit the answer that has it")
    return texts


def _host_probes(probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """Select the probes that the host answers; the auditor answers the others."""
    return tuple(probe for probe in probes if not isinstance(probe, Lookup | ConnectionProbe))


def _recording(host: HostAnswers, lab: Lab) -> str:
    if not isinstance(host.outcome, Answers):
        raise LabError(f"{host.host}: {host.outcome.message}")
    answers: dict[Probe, Answered] = {}
    for probe, answer in sorted(host.outcome.raw().items(), key=lambda item: repr(item[0])):
        if not isinstance(answer, Answered):
            raise LabError(f"{host.host} did not answer {probe}: {answer.reason}")
        answers[probe] = answer
    edited = _with_stable_containers(host.host, answers)
    for edit in _EDITS:
        edited = {probe: edit(lab, host.host, probe, answer) for probe, answer in edited.items()}
    return recording.dump(CollectedAnswers((HostAnswers(host.host, Answers(edited), 0.0),), complete=True))


# --- edits of what differs from run to run ---------------------------------------------------------------------


def _with_stable_containers(host: str, answers: Mapping[Probe, Answered]) -> dict[Probe, Answered]:
    """Replace ids, process ids and start times: each container has run for three weeks."""
    listed = next((probe for probe, answer in answers.items() if answer.stdout.startswith('[{"Id"')), None)
    containers: list[dict[str, Any]] = json.loads(answers[listed].stdout) if listed else []
    pids: dict[str, int] = {}
    for number, container in enumerate(containers, 1001):
        pids[str(container["State"]["Pid"])] = number
        container["Id"] = hashlib.sha256(f"{host} {container['Name']}".encode()).hexdigest()
        container["Created"] = docker_time(RECORDED_AT - 21 * _DAY - 60)
        container["State"] |= {"Pid": number, "StartedAt": docker_time(RECORDED_AT - 21 * _DAY)}
    edited = {probe: _with_stable_mounts(probe, answer, pids) for probe, answer in answers.items()}
    if listed:
        edited[listed] = Answered(json.dumps(containers))
    return edited


def _with_stable_mounts(probe: Probe, answer: Answered, pids: Mapping[str, int]) -> Answered:
    """Keep the host's root and the mounts of containers' first processes, on a disk with a fixed number.

    Other processes end while `find` runs, which gives errors.
    """
    if not isinstance(probe, Command) or not any("mountinfo" in argument for argument in probe.argv):
        return answer
    lines = []
    for match in filter(None, map(_MOUNT.fullmatch, answer.stdout.splitlines())):
        if match["pid"] in pids or (not match["pid"] and match["at"] == "/"):
            process = f"/proc/{pids[match['pid']]}/mountinfo:" if match["pid"] else ""
            root = re.sub(r"^/var/lib/[^/]+/hosts/[^/]+/root", "", match["root"]) or "/"
            lines.append(f"{process}22 1 8:1 {root} {match['at']} {match['options']} - ext4 /dev/sda1 rw\n")
    return Answered("".join(lines), "", 0 if lines else 1)


def _times(_lab: Lab, _host: str, probe: Probe, answer: Answered) -> Answered:
    """Set all clocks to the time of the recording; certificates were issued ten days before it."""
    if not isinstance(probe, Command):
        return answer
    if probe.argv[0] == "date":
        return Answered(f"{RECORDED_AT:.9f}\n" if "%N" in probe.argv[-1] else f"{RECORDED_AT:.0f}\n")
    if probe.argv[0] == "iptables-save":  # its comments contain the time
        return replace(answer, stdout=re.sub(r"(?m)^#.*\n", "", answer.stdout))
    end = f"notAfter={openssl_time(RECORDED_AT + 80 * _DAY)}"
    return replace(answer, stdout=re.sub(r"notAfter=.*", end, answer.stdout))


def _changes(_lab: Lab, _host: str, probe: Probe, answer: Answered) -> Answered:
    """Sort the containers whose changed files an engine lists."""
    if not isinstance(probe, ContainerChanges):
        return answer
    return Answered(json.dumps(json.loads(answer.stdout), sort_keys=True))


# --- edits of what is specific to this machine -----------------------------------------------------------------


def _disks(_lab: Lab, _host: str, probe: Probe, answer: Answered) -> Answered:
    """Replace the size of this machine's disk, on which the lab is, by 40 GiB."""
    if not isinstance(probe, Command) or probe.argv[0] != "df" or answer.status:
        return answer
    header, _, row = answer.stdout.partition("\n")
    return Answered(f"{header}\n42949672960  6553600  5000000 {row.split()[-1]}\n")


def _kernel(_lab: Lab, _host: str, probe: Probe, answer: Answered) -> Answered:
    """Remove the version of this machine's kernel."""
    if isinstance(probe, Command) or "KernelVersion" not in answer.stdout:
        return answer
    return Answered(
        json.dumps({key: value for key, value in json.loads(answer.stdout).items() if key != "KernelVersion"})
    )


def _allow_list(lab: Lab, _host: str, _probe: Probe, answer: Answered) -> Answered:
    """Replace the lab's addresses in pg_hba.conf by names, which do not depend on the auditor's resolver."""
    stdout = answer.stdout
    for client in lab.hosts.values():
        stdout = stdout.replace(f"{client.address}/32", f"{client.name}.us.archive.org")
    return replace(answer, stdout=stdout)


# --- edits of what the lab cannot provide ----------------------------------------------------------------------


def _service_manager(_lab: Lab, _host: str, probe: Probe, answer: Answered) -> Answered:
    """Replace tini by systemd: the lab's hosts run no service manager (only that of `systemd_host.py` does)."""
    if not isinstance(probe, Command):
        return answer
    if answer.stdout.startswith("init=tini\n"):
        services = re.findall(r"(?m)^service=.*", answer.stdout)
        return Answered(
            "".join(("init=systemd\n", *(f"\n{line}\n{_RUNNING_UNIT}" for line in services), "\nend\n"))
        )
    if answer.stdout.startswith("engine-processes\n"):
        stdout = re.sub(r"(?m)^command tini$", "command systemd", answer.stdout)
        stdout = stdout.replace("State: R (running)", "State: S (sleeping)")
        stdout = re.sub(r"(?s)(process 1\n.*?)(?:cgroup [^\n]*\n)+", r"\1cgroup 0::/init.scope\n", stdout, count=1)
        daemon = r"(?s)(command dockerd\n.*?)(?:cgroup [^\n]*\n)+"
        return Answered(re.sub(daemon, r"\1cgroup 0::/system.slice/docker.service\n", stdout))
    stdout = answer.stdout.replace("tini            tini -- sh /.lab/rc.sh", "systemd         /sbin/init")
    return replace(answer, stdout=stdout)


def _compose(_lab: Lab, _host: str, _probe: Probe, answer: Answered) -> Answered:
    """Install Compose, which the lab's hosts do not have."""
    return Answered("2.40.1\n") if answer.stderr.endswith("docker-compose: not found") else answer


_EDITS: tuple[Callable[[Lab, str, Probe, Answered], Answered], ...] = (
    _times,
    _changes,
    _disks,
    _kernel,
    _allow_list,
    _service_manager,
    _compose,
)
