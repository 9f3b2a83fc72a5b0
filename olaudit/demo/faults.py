"""Faults that a simulated host can have on purpose."""

from enum import StrEnum


class HostFault(StrEnum):
    """One fault of a simulated host; the value names the fault and the failure reason that an audit reports."""

    PORT_CLOSED = "no sshd runs: refused"
    CLOSES_CONNECTION = "closes the connection before the greeting: ssh"
    SENDS_NO_GREETING = "accepts the connection and sends nothing: timeout"
    OTHER_HOST_KEY = "presents another host key than the known one: hostkey"
    REFUSES_LOGIN = "accepts no key: auth"
    RUNS_NO_COMMAND = "accepts the login and never answers: timeout"
    DOCKER_HANGS = "the Docker Engine never answers"
    NO_FORWARDING = "forwards no streams, but has the docker command"
    NO_DOCKER_COMMAND = "forwards no streams, and has no docker command"
