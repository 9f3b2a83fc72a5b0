"""Everything that an audit writes, creates, connects to, signals and runs on a host, as strace shows it."""

from pathlib import Path

from tests.fleet.auditing import LabAuditor
from tests.fleet.host import LabHost
from tests.fleet.lab import Lab
from tests.fleet.systemd_host import stopped
from tests.fleet.tracing import event, traced

SSHD = {
    "exec /usr/sbin/sshd",  # for each connection
    "chroot /run/sshd",  # its unprivileged process, in an empty folder
    "write /proc/self/oom_score_adj",  # its own score, reset to the default
    "write /dev/null",  # discarded output, of sshd and of the programs below
    "write /dev/tty",  # does not exist: neither sshd's child nor sudo prompts
    "exec /bin/bash",  # the login shell of the audit's user
    "exec /bin/sh",  # the batch
    # getaddrinfo() orders addresses by connecting datagram sockets, without sending anything
    *("connect 0.0.0.0:22", "connect :::22", "connect AF_UNSPEC"),
}
LIBRARIES = {
    "connect /var/run/nscd/socket",  # glibc, for each lookup of a user; not a socket of systemd
    "connect /dev/log",  # sshd and sudo log the login and the command
    "bind AF_NETLINK",  # iptables reads rules; sudo and sshd read the addresses of the machine
}
PROGRAMS = {
    f"exec {path}"
    for path in (
        *(
            "/bin/grep",
            "/sbin/iptables-save",
            "/usr/bin/base64",
            "/usr/bin/bash",
            "/usr/bin/cat",
            "/usr/bin/cmp",
            "/usr/bin/date",
        ),
        *("/usr/bin/dd", "/usr/bin/df", "/usr/bin/docker", "/usr/bin/dpkg-query", "/usr/bin/find", "/usr/bin/git"),
        *("/usr/bin/grep", "/usr/bin/head", "/usr/bin/id", "/usr/bin/openssl", "/usr/bin/ps", "/usr/bin/readlink"),
        *(
            "/usr/bin/sed",
            "/usr/bin/sh",
            "/usr/bin/stat",
            "/usr/bin/sudo",
            "/usr/bin/systemctl",
            "/usr/bin/timeout",
        ),
        *("/usr/bin/tr", "/usr/bin/uname"),
    )
}
DOCKER_COMMAND = {
    "tgkill SIGURG",  # Go's scheduler, to its own process
    "connect /dev/null",  # instead of the engine: fleet.version
}
SERVICES = {
    "connect /run/dbus/system_bus_socket",  # systemctl; only if the bus runs
    "connect 127.0.0.1:11211",  # memcached, for its settings
}
ENGINE = {"connect /var/run/docker.sock"}  # sshd's forwarding; only if the engine runs

WITHOUT_ENGINE = SSHD | LIBRARIES | PROGRAMS | DOCKER_COMMAND | SERVICES


def test_all_that_an_audit_does_is_listed(host: LabHost, audit_units: LabAuditor, tmp_path: Path) -> None:
    with traced(host, tmp_path) as events:
        assert audit_units().code == 0
    assert set(events) - WITHOUT_ENGINE == ENGINE
    assert {"exec /usr/bin/git", "exec /usr/bin/sudo", "connect 127.0.0.1:11211"} <= set(events), (
        "the trace is incomplete"
    )


def test_a_stopped_engine_is_not_connected_to(host: LabHost, audit_units: LabAuditor, tmp_path: Path) -> None:
    with stopped(host, "docker"), traced(host, tmp_path) as events:
        audit_units()
    assert set(events) - WITHOUT_ENGINE == set()


def test_all_that_an_audit_of_memcached_does_is_listed(lab: Lab, audit: LabAuditor, tmp_path: Path) -> None:
    with traced(lab.hosts["ol-mem0"], tmp_path) as events:
        assert audit("ol-mem0").code == 0
    assert set(events) <= SSHD | LIBRARIES | PROGRAMS | {"connect 127.0.0.1:11211"}
    assert "connect 127.0.0.1:11211" in events


def test_trace_parser_recognizes_forbidden_calls() -> None:
    lines = {
        'openat(AT_FDCWD</tmp>, "x", O_WRONLY|O_CREAT, 0666) = 3</tmp/x>': "write /tmp/x",
        'openat(AT_FDCWD</tmp>, "x", O_RDONLY) = 3</tmp/x>': None,
        'open("/run/xtables.lock", O_RDONLY|O_CREAT, 0600) = 3</run/xtables.lock>': "write /run/xtables.lock",
        'unlinkat(4</srv>, "a b", AT_REMOVEDIR) = 0': "unlinkat /srv/a b",
        'rename("/a", "/b") = 0': "rename /a",
        "fchmod(3</etc/x>, 0600) = 0": "fchmod /etc/x",
        'connect(3<UNIX-STREAM:[1]>, {sa_family=AF_UNIX, sun_path="/run/docker.sock"}, 19) = 0': (
            "connect /run/docker.sock"
        ),
        'connect(3<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}, 16) = 0': (
            "connect 1.2.3.4:80"
        ),
        "kill(7, SIGTERM) = 0": "kill SIGTERM",
        'execve("/usr/bin/git", ["git"], 0x7ffc /* 9 vars */) = 0': "exec /usr/bin/git",
        'execve("/usr/local/bin/git", ["git"], 0x7ffc /* 9 vars */) = -1 ENOENT (No such file or directory)': None,
        "unlink(": "not parsed: unlink(",
    }
    assert {line: event(line) for line in lines} == lines
