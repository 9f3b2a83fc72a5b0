"""Ways in which a simulated host can fail, on purpose."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """One way to fail; what an audit has to say of it stands behind it."""

    NOTHING_LISTENS = "no sshd runs: refused"
    HANGS_UP = "it hangs up before it says who it is: ssh"
    SAYS_NOTHING = "it takes the connection and says nothing: timeout"
    OTHER_KEY = "it shows another host key than is known: hostkey"
    LETS_NOBODY_IN = "it takes no key: auth"
    RUNS_NOTHING = "it lets one in, and never answers: timeout"
    DOCKER_HANGS = "its Docker Engine never answers"
    NO_FORWARDING = "it forwards no streams, but has the docker command"
    NO_DOCKER_COMMAND = "it forwards no streams, and has no docker command"
