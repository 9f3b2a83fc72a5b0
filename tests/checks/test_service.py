from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from olaudit.checks import service
from olaudit.evidence.reduction import reduce
from olaudit.facts.services import Services, ServiceState, services
from olaudit.model import Answered, Answers, Command, Facts
from tests.checks.tables import Row, case, check_row, rows, spec_of


@pytest.mark.parametrize("row", rows("service"), ids=case)
def test_recorded_answers_give_the_recorded_results(row: Row) -> None:
    check_row(service.CHECKER, row)


_INITCTL = """\
#!/bin/sh
[ "$1" = version ] && echo "init (upstart 1.12.1)"
[ "$1" = status ] && echo "$2 start/running, process 967"
exit 0
"""
_JOB = 'description "x"\n\n  start on runlevel [2345]\nexec cron\n'
_SCRIPT = "#!/bin/sh\necho online\nexit 0\n"


@pytest.mark.parametrize("shell", ["dash", "bash", "posh", "busybox"])
def test_script_reads_upstart_jobs_in_every_shell(tmp_path: Path, shell: str) -> None:
    if not (program := shutil.which(shell)):
        pytest.skip(f"{shell} is not installed on this machine")
    for name, text in {
        "bin/initctl": _INITCTL,
        "etc/init/cron.conf": _JOB,
        "etc/init/manual.conf": _JOB,
        "etc/init/manual.override": "manual\n",
        "etc/init.d/postgresql": _SCRIPT,
        "etc/rc2.d/S19postgresql": _SCRIPT,
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
        file.chmod(0o755)
    fact = services(("cron", "manual", "postgresql", "nosuch"))
    assert isinstance(fact.probe, Command)
    _, dash_c, script, *arguments = fact.probe.argv
    script = script.replace("/etc/", f"{tmp_path}/etc/").replace("/run/systemd/system", str(tmp_path / "none"))
    argv = (program, *(["sh"] if shell == "busybox" else []), dash_c, script, *arguments)
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "LC_ALL": "C"}
    process = subprocess.run(argv, capture_output=True, check=False, env=environment, text=True, timeout=30)
    answer = Answered(process.stdout, process.stderr, process.returncode)
    running_at_boot = ServiceState(is_running=True, starts_at_boot=True)
    running = ServiceState(is_running=True, starts_at_boot=False)
    statuses = {"cron": running_at_boot, "manual": running, "postgresql": running_at_boot, "nosuch": None}
    assert Facts(Answers({fact.probe: answer}))[fact] == Services("upstart", statuses)


def test_reduced_answer_keeps_the_properties_of_named_services() -> None:
    blocks = [f"service={name}\nActiveState=active\nshown=0" for name in ("cron", "docker", "docker-proxy")]
    answer = Answered("\n\n".join(("init=systemd", *blocks, "end\n")))
    reduced = reduce([services(()).about("docker")], answer)
    assert isinstance(reduced, Answered)
    omitted = "(8 lines that do not name it are left out)"
    assert reduced.stdout == "\n\n".join(("init=systemd", blocks[1], f"end\n{omitted}\n"))


def test_service_name_cannot_be_an_option() -> None:
    with pytest.raises(ValidationError, match="match pattern"):
        spec_of(service.CHECKER, {"--now": {}})
