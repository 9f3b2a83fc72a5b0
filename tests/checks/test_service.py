from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from olaudit.checks import service
from olaudit.checks.service.probes import SCRIPT, facts
from olaudit.checks.service.states import State, upstart
from olaudit.model import Answered, Unanswered
from tests.checks.tables import Row, case, check_row, rows, spec_of


@pytest.mark.parametrize("row", rows("service"), ids=case)
def test_recorded_answers_are_judged_as_recorded(row: Row) -> None:
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
def test_the_script_asks_upstart_in_every_shell_what_runs_and_what_starts_at_boot(
    tmp_path: Path, shell: str
) -> None:
    if not (program := shutil.which(shell)):
        pytest.skip(f"there is no {shell} on this machine")
    for name, text in {
        "bin/initctl": _INITCTL,
        "etc/init/cron.conf": _JOB,
        "etc/init/by-hand.conf": _JOB,
        "etc/init/by-hand.override": "manual\n",
        "etc/init.d/postgresql": _SCRIPT,
        "etc/rc2.d/S19postgresql": _SCRIPT,
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
        file.chmod(0o755)
    script = SCRIPT.replace("/etc/", f"{tmp_path}/etc/").replace("/run/systemd/system", str(tmp_path / "none"))
    names = ("cron", "by-hand", "postgresql", "nosuch")
    argv = (program, *(["sh"] if shell == "busybox" else []), "-c", script, "sh", *names)
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "LC_ALL": "C"}
    ran = subprocess.run(argv, capture_output=True, check=False, env=environment, text=True, timeout=30)
    said = facts(names, Answered(ran.stdout, ran.stderr, ran.returncode))
    assert not isinstance(said, Unanswered)
    assert said[0] == "upstart"
    seen = {name: upstart(one) for name, one in said[1].items()}
    both = State(is_running=True, starts_at_boot=True)
    by_hand = State(is_running=True, starts_at_boot=False)
    assert seen == {"cron": both, "by-hand": by_hand, "postgresql": both, "nosuch": None}


def test_what_is_asked_cannot_be_taken_for_an_option() -> None:
    with pytest.raises(ValidationError, match="match pattern"):
        spec_of(service.CHECKER, {"--now": {}})
