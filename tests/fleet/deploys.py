"""Deployed files of every Docker host: `/opt/openlibrary` with its deploys, links and git trees."""

import subprocess
from pathlib import Path

from tests.fleet.errors import LabError
from tests.fleet.processes import ENVIRONMENT

# Fixed, so that every host in every run has the same commits, as fleet checks require.
_COMMIT_TIME = "2024-01-01T00:00:00+00:00"
_GIT = {
    **ENVIRONMENT,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Open Library",
    "GIT_AUTHOR_EMAIL": "openlibrary@example.org",
    "GIT_AUTHOR_DATE": _COMMIT_TIME,
    "GIT_COMMITTER_NAME": "Open Library",
    "GIT_COMMITTER_EMAIL": "openlibrary@example.org",
    "GIT_COMMITTER_DATE": _COMMIT_TIME,
}
_OPT = "opt/openlibrary"
_OPENLIBRARY = f"{_OPT}/deploys/openlibrary/openlibrary"
_OLSYSTEM = f"{_OPT}/deploys/olsystem/olsystem"
_FILES = {
    f"{_OPT}/venv/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = false\n",
    f"{_OPT}/venv/bin/activate": "VIRTUAL_ENV=/opt/openlibrary/venv\nexport VIRTUAL_ENV\n",
    f"{_OPT}/maxmind-geoip/GeoLite2-City_20240101.dat": "not a real database\n",
    f"{_OPENLIBRARY}/Readme.md": "# Open Library\n",
    f"{_OPENLIBRARY}/.gitignore": "compose.override.yaml\n",  # as the public repository has it
    f"{_OPENLIBRARY}/compose.yaml": "services: {}\n",
    f"{_OLSYSTEM}/etc/cron.d/openlibrary": "# the jobs run in the container cron-jobs\n",
    f"{_OLSYSTEM}/etc/ferm/ferm.conf": "chain INPUT { policy DROP; }\n",
    f"{_OLSYSTEM}/etc/logrotate.d/openlibrary": "/var/log/openlibrary/*.log { weekly }\n",
}
_LINKS = {
    f"{_OPT}/venv/bin/python3": "/usr/bin/python3",
    f"{_OPT}/venv/bin/python": "python3",
    f"{_OPT}/openlibrary": f"/{_OPENLIBRARY}",
    f"{_OPT}/olsystem": f"/{_OLSYSTEM}",
    # "The files of olsystem's etc linked from the right places in /etc."
    "etc/cron.d/openlibrary": "/opt/openlibrary/olsystem/etc/cron.d/openlibrary",
    "etc/ferm/ferm.conf": "/opt/openlibrary/olsystem/etc/ferm/ferm.conf",
    "etc/logrotate.d/openlibrary": "/opt/openlibrary/olsystem/etc/logrotate.d/openlibrary",
}


def build(root: Path) -> None:
    """Create the tree below `root`, which is copied into the root of each Docker host."""
    for name in ("opt/petabox", f"{_OPT}/deploys/base"):
        (root / name).mkdir(parents=True)
    for name, text in _FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for tree in (_OPENLIBRARY, _OLSYSTEM):
        for argv in (("init", "-q", "-b", "master"), ("add", "-A"), ("commit", "-q", "-m", "Deploy")):
            _git(root / tree, *argv)
    # Links last: they are absolute and point into this machine until the tree is the root of a host.
    for name, target in _LINKS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)


def _git(tree: Path, *argv: str) -> None:
    completed = subprocess.run(
        ("git", "-C", str(tree), *argv), env=_GIT, capture_output=True, encoding="utf-8", check=False
    )
    if completed.returncode != 0:
        raise LabError(f"git {argv[0]} in {tree}: {completed.stderr.strip()}")
