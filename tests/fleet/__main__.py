"""The lab by hand: `python -m tests.fleet up|down|status|run HOST COMMAND...`."""

import sys

from tests.fleet.errors import LabError
from tests.fleet.lab import Lab

_USAGE = "usage: python -m tests.fleet up | down | status | run HOST COMMAND..."


def main(argv: list[str]) -> int:
    """Do one thing to the lab of this machine, and give the exit code."""
    lab = Lab()
    try:
        match argv:
            case ["up"]:
                lab.up()
                lab.release()
                print(lab.ssh_config)
                return 0
            case ["down"]:
                lab.down()
                return 0
            case ["status"]:
                return _status(lab)
            case ["run", name, *command] if name in lab.hosts and command:
                done = lab.hosts[name].run(*command, check=False)
                print(done.stdout, end="")
                print(done.stderr, end="", file=sys.stderr)
                return done.returncode
            case _:
                print(_USAGE, file=sys.stderr)
                return 2
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def _status(lab: Lab) -> int:
    """Print a line per host; exit 0 when all are up, 3 when none is there, 1 for anything in between."""
    if not lab.traces():
        print("down")
        return 3
    ready = True
    for host in lab.hosts.values():
        try:
            state = "up" if host.ssh_answers() else "no answer"
            print(f"{host.name:<12}{host.address:<14}{state}")
        except LabError as error:
            state = str(error)
            print(f"{host.name:<12}{state}")
        ready = ready and state == "up"
    return 0 if ready else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
