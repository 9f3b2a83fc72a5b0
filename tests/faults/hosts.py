"""Parts of the setup of a real host: accounts, fake programs, and the checks that a fault affects."""

from __future__ import annotations

import shlex

FAKED = "SetEnv PATH=/run/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""A line of sshd_config: programs in /run/bin come first."""

SHELL = ("host.hostname", "path.", "disk.")
"""All checks of the role `shell`."""

ENGINE = ("docker.", "container.")
"""All checks that need the Docker Engine."""


def account(shell: str = "/bin/sh", uid: int = 61234) -> str:
    """Return the script that changes the shell or uid of the user `audit`."""
    line = f"audit:x:{uid}:61234::/home/audit:{shell}"
    return f"sed -i 's|^audit:x.*|{line}|' /etc/passwd; chown {uid} /home/audit\n"


def program(name: str, script: str) -> str:
    """Return the script that installs a program which takes precedence over the real one (with `FAKED`)."""
    path = f"/run/bin/{name}"
    return f"{file(path, f'#!/bin/sh{chr(10)}{script}{chr(10)}')}chmod 755 {path}\n"


def file(path: str, text: str) -> str:
    """Return the script that writes a file."""
    return f"printf %s {shlex.quote(text)} >{path}\n"


def without(name: str) -> str:
    """Return the script that removes a program of /usr/bin on this host only."""
    layers = "lowerdir=/usr/bin,upperdir=$dir/upper/bin,workdir=$dir/upper/work-bin"
    return (
        f'mkdir "$dir/upper/bin" "$dir/upper/work-bin"; mount -t overlay -o "{layers}" bin /usr/bin; '
        f"rm /usr/bin/{name}\n"
    )
