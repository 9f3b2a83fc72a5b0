"""Verification of host keys, compared with ssh: olaudit never logs in where ssh refuses the key."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import paramiko
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from olaudit.model import Answered, Command, FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.ssh import SshTransport, trust
from olaudit.transport.ssh.host import Settings
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd, keygen, running

HELLO = Command(("echo", "hello"))


def public(file: Path) -> str:
    """Read the type and the key of a public key file."""
    return " ".join(Path(f"{file}.pub").read_text().split()[:2])


def ssh_logs_in(config: Path) -> bool:
    """Return whether ssh logs in, without adding an unknown key."""
    options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    done = subprocess.run(
        ["ssh", "-T", "-F", config, *options, "host", "echo hello"], capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 255}, done.stderr
    return done.stdout == "hello\n"


def refusal_of(config: Path) -> str:
    """Return the message with which olaudit refuses the host key; "" if it logs in."""
    transport = SshTransport(SshConfig(config))
    try:
        assert transport.ask("host", (HELLO,), Deadline.after(10))[HELLO] == Answered("hello\n")
    except HostFailed as failed:
        failure = failed.failure
    else:
        return ""
    finally:
        transport.close()
    assert failure.reason is FailureReason.HOSTKEY, failure
    return failure.message


def config(server: Sshd, known_hosts: Path, *lines: str) -> Path:
    return server.config(*lines, f"UserKnownHostsFile {known_hosts}")


CASES = [
    ("[H]:P KEY", True),
    ("H KEY", True),
    ("* KEY", True),
    ("[H]:* KEY", True),
    ("[H]:*,![H]:P KEY", False),
    ("[H]:?*,![H]:P KEY", False),
    ("H,![H]:P KEY", True),  # ssh then looks for the name without the port
    ("*,!H,![H]:P KEY", False),
    ("[H]:P OTHER", False),
    ("[H]:P OTHER\n[H]:P KEY", True),
    ("[H]:P KEY\n[H]:P OTHER", True),
    ("H KEY\n[H]:P OTHER", False),
    ("[H]:P KEY\n@revoked [H]:P KEY", False),
    ("@revoked * KEY\n[H]:P KEY", False),
    ("@revoked other KEY\n[H]:P KEY", True),
    ("H KEY\n@revoked H KEY", False),
    ("H KEY\n@revoked [H]:P KEY", False),
    ("[H]:P KEY\n@revoked H KEY", True),
    ("[H]:P KEY\n@revoked [H]:P OTHER", True),
    ("@cert-authority [H]:P KEY", False),
    ("@cert-authority [H]:P OTHER\n[H]:P KEY", True),
    ("other,[H]:P KEY", True),
    ("  [H]:P\tKEY\r", True),
    ("[H]:P 256 KEY", False),
    ("[H]:P ssh-rsa BLOB", False),
    ("[H]:P RSA BLOB", False),
    ("# [H]:P KEY", False),
    ("@other [H]:P KEY", False),
    ("[H]:P KEY= comment", False),
    ("", False),
]


@pytest.mark.parametrize(("text", "logs_in"), CASES, ids=[str(n) for n in range(len(CASES))])
def test_olaudit_trusts_the_keys_that_ssh_trusts(server: Sshd, tmp_path: Path, text: str, logs_in: bool) -> None:
    key = public(server.folder / "host_key")
    other = public(keygen(tmp_path / "other"))
    known_hosts = tmp_path / "known_hosts"
    replacements = {"H": "127.0.0.1", "P": str(server.port), "BLOB": key.split()[1], "KEY": key, "OTHER": other}
    known_hosts.write_text(re.sub(r"\b(H|P|BLOB|KEY|OTHER)\b", lambda match: replacements[match[0]], text) + "\n")
    file = config(server, known_hosts)
    assert ssh_logs_in(file) == logs_in
    assert (refusal_of(file) == "") == logs_in


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "", "@revoked ", "@cert-authority "]),
            st.lists(st.sampled_from(["N", "[N]:P", "*", "!N", "![N]:P", "[N]:*", "x"]), min_size=1, max_size=3),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_olaudit_never_logs_in_where_ssh_refuses(
    server: Sshd, tmp_path: Path, drawn: list[tuple[str, list[str], bool]]
) -> None:
    keys = public(server.folder / "host_key"), public(server.folder / "id_ed25519")
    names = [",".join(names).replace("N", "127.0.0.1").replace("P", str(server.port)) for _, names, _ in drawn]
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(
        "".join(f"{mark}{name} {keys[not right]}\n" for (mark, _, right), name in zip(drawn, names, strict=True))
    )
    file = config(server, known_hosts)
    # A certificate authority signs certificates; this server has none, so both use the same lines
    assert (refusal_of(file) == "") == ssh_logs_in(file), known_hosts.read_text()


def test_certificate_authority_line_is_named(server: Sshd, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"@cert-authority * {public(server.folder / 'host_key')}\n")
    message = refusal_of(config(server, known_hosts))
    assert f"; {known_hosts}:1 requires host certificates, which olaudit does not support)" in message


def test_unreadable_known_hosts_file_is_named_in_the_refusal(server: Sshd, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert f"; {loop} cannot be read: " in refusal_of(config(server, loop))


# --- RevokedHostKeys -----------------------------------------------------------------------------------------


def revocations(server: Sshd, tmp_path: Path) -> dict[str, Path]:
    """Write one file of each form of RevokedHostKeys."""
    key, other = server.folder / "host_key", keygen(tmp_path / "other")
    files = {
        name: tmp_path / name
        for name in ("listed", "clean", "options", "empty", "krl", "clean-krl", "truncated-krl")
    }
    files["listed"].write_text(f"# revoked\n\n{public(other)} a comment\n  {public(key)}\r\n")
    files["clean"].write_text(f"{public(other)}\n")
    files["options"].write_text(f"restrict {public(key)}\n")
    files["empty"].write_text("")
    for name, revoked_key in (("krl", key), ("clean-krl", other)):
        subprocess.run(["ssh-keygen", "-q", "-k", "-f", files[name], f"{revoked_key}.pub"], check=True)
    files["truncated-krl"].write_bytes(files["clean-krl"].read_bytes()[:40])
    return files | {"missing": tmp_path / "none", "folder": tmp_path}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("listed", "is revoked by RevokedHostKeys"),
        ("krl", "is revoked by RevokedHostKeys"),
        ("options", "cannot be checked against RevokedHostKeys {file}: line 1 is not a public key"),
        ("missing", "cannot be checked against RevokedHostKeys {file}: no such file"),
        ("folder", "cannot be checked against RevokedHostKeys {file}: "),
        ("truncated-krl", "cannot be checked against RevokedHostKeys {file}: ssh-keygen -Q ended with status "),
        ("clean", ""),
        ("empty", ""),
        ("clean-krl", ""),
    ],
)
def test_revoked_host_keys_are_refused_as_by_ssh(server: Sshd, tmp_path: Path, name: str, message: str) -> None:
    revoked_keys = revocations(server, tmp_path)[name]
    file = config(server, server.known_hosts, f"RevokedHostKeys {revoked_keys}")
    refusal = refusal_of(file)
    assert (refusal == "") == ssh_logs_in(file) == (message == "")
    assert message.format(file=revoked_keys) in refusal


def test_krl_without_ssh_keygen_is_refused(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_command(argv: Sequence[str], *_arguments: object) -> None:
        raise FileNotFoundError(argv[0])

    monkeypatch.setattr(trust, "run_command", run_command)
    krl = revocations(server, tmp_path)["clean-krl"]
    file = config(server, server.known_hosts, f"RevokedHostKeys {krl}")
    assert refusal_of(file).endswith("and ssh-keygen, which reads it, is not installed")


# --- CheckHostIP, RequiredRSASize ----------------------------------------------------------------------------


def host_settings(known_hosts: Path, **options: object) -> Settings:
    defaults: dict[str, object] = {
        "name": "h", "hostname": "h", "port": 22, "user": "u", "identity_files": (), "identities_only": False,
        "known_hosts": (known_hosts,), "host_key_alias": "", "jumps": (), "connect_seconds": 10.0,
        "check_host_ip": True,
    }  # fmt: skip
    return Settings(**(defaults | options))  # type: ignore[arg-type]  # values of the fields


@pytest.mark.parametrize(
    ("text", "options", "refuses"),
    [
        ("192.0.2.1 OTHER", {}, True),
        ("@revoked 192.0.2.1 KEY", {}, True),
        ("192.0.2.1 OTHER\n192.0.2.1 KEY", {}, False),
        ("@cert-authority 192.0.2.1 OTHER", {}, False),
        ("", {}, False),
        ("192.0.2.1 OTHER", {"check_host_ip": False}, False),
        ("192.0.2.1 OTHER", {"hostname": "192.0.2.1"}, False),
        ("192.0.2.1 OTHER", {"host_key_alias": "h"}, False),
        ("192.0.2.1 OTHER", {"proxy_command": "nc h 22"}, False),
        ("[192.0.2.1]:2222 OTHER", {"port": 2222}, True),
        ("192.0.2.1 OTHER", {"port": 2222}, False),
    ],
)
def test_check_host_ip_compares_the_key_of_the_address(
    tmp_path: Path, text: str, options: dict[str, object], refuses: bool
) -> None:
    key = paramiko.PKey.from_path(keygen(tmp_path / "key"))
    known_hosts = tmp_path / "known_hosts"
    other = public(keygen(tmp_path / "other"))
    known_hosts.write_text(text.replace("KEY", public(tmp_path / "key")).replace("OTHER", other) + "\n")
    host = host_settings(known_hosts, **options)
    if not refuses:
        trust.check_address(host, key, "192.0.2.1")
        return
    with pytest.raises(
        HostFailed, match=r"known_hosts:1 has for its address .*192\.0\.2\.1.*CheckHostIP"
    ) as caught:
        trust.check_address(host, key, "192.0.2.1")
    assert caught.value.failure.reason is FailureReason.HOSTKEY


def test_rsa_host_key_below_the_required_size_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sshd"
    folder.mkdir()
    rsa = keygen(tmp_path / "rsa", "rsa")
    with running(folder, [f"HostKey {rsa}"]) as server:
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public(rsa)}\n")
        assert refusal_of(server.config()) == ""
        file = server.config("RequiredRSASize 4096")
        assert not ssh_logs_in(file)
        assert "has 3072 bits, fewer than RequiredRSASize 4096" in refusal_of(file)


def test_fingerprint_equals_that_of_ssh_keygen(tmp_path: Path) -> None:
    file = keygen(tmp_path / "key")
    done = subprocess.run(["ssh-keygen", "-lf", file], capture_output=True, text=True, check=True)
    assert paramiko.PKey.from_path(file).fingerprint == done.stdout.split()[1]
