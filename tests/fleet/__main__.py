"""Command line of the lab: `python -m tests.fleet up|down|status|record|run HOST COMMAND...`."""

import sys

from tests.fleet import recording
from tests.fleet.errors import LabError
from tests.fleet.lab import Lab

_USAGE = "usage: python -m tests.fleet up | down | status | record | run HOST COMMAND..."


def main(argv: list[str]) -> int:  # noqa: PLR0911 - one per subcommand
    """Run one subcommand and return its exit code."""
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
            case ["record"]:
                return _record()
            case ["status"]:
                return _status(lab)
            case ["run", name, *command] if name in lab.hosts and command:
                completed = lab.hosts[name].run(*command, check=False)
                print(completed.stdout, end="")
                print(completed.stderr, end="", file=sys.stderr)
                return completed.returncode
            case _:
                print(_USAGE, file=sys.stderr)
                return 2
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def _record() -> int:
    """Record all hosts in a lab of their own."""
    with Lab(machines=recording.MACHINES) as lab:
        recording.write(lab)
    print(recording.RECORDINGS)
    return 0


def _status(lab: Lab) -> int:
    """Print a line per host. Return 0 if all hosts are up, 3 if the lab is down, else 1."""
    if not lab.leftovers():
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
