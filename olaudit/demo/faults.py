"""Ways in which a simulated host can fail, on purpose."""

from __future__ import annotations

from enum import StrEnum


class HostFault(StrEnum):
    """One way to fail; what an audit has to say of it stands behind it."""

    PORT_CLOSED = "no sshd runs: refused"
    CLOSES_CONNECTION = "it hangs up before it says who it is: ssh"
    SENDS_NO_GREETING = "it takes the connection and says nothing: timeout"
    OTHER_HOST_KEY = "it shows another host key than is known: hostkey"
    REFUSES_LOGIN = "it takes no key: auth"
    RUNS_NO_COMMAND = "it lets one in, and never answers: timeout"
    DOCKER_HANGS = "its Docker Engine never answers"
    NO_FORWARDING = "it forwards no streams, but has the docker command"
    NO_DOCKER_COMMAND = "it forwards no streams, and has no docker command"
