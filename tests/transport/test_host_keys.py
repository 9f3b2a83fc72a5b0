"""Host keys, held against the real ssh: olaudit never logs in where ssh refuses because of the key."""

from __future__ import annotations

import base64
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
from olaudit.transport.ssh import SshTransport, revoked, trust
from olaudit.transport.ssh.host import Settings
from olaudit.transport.ssh.known_hosts import KnownHosts
from olaudit.transport.ssh.settings import SshConfig
from tests.transport.sshd import Sshd, keygen, running

HELLO = Command(("echo", "hello"))


def public(file: Path) -> str:
    """Read the type and the key of a public key file."""
    return " ".join(Path(f"{file}.pub").read_text().split()[:2])


def ssh_logs_in(config: Path) -> bool:
    """Try the real ssh, which must know the key beforehand."""
    options = ["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    done = subprocess.run(
        ["ssh", "-T", "-F", config, *options, "host", "echo hello"], capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 255}, done.stderr
    return done.stdout == "hello\n"


def olaudit_says(config: Path) -> str:
    """Give the reason of a refusal, "" for a login."""
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


def config(server: Sshd, known: Path, *lines: str) -> Path:
    return server.config(*lines, f"UserKnownHostsFile {known}")


CASES = [
    ("[H]:P KEY", True),
    ("H KEY", True),
    ("* KEY", True),
    ("[H]:* KEY", True),
    ("[H]:*,![H]:P KEY", False),
    ("[H]:?*,![H]:P KEY", False),
    ("H,![H]:P KEY", True),  # ssh looks for the name without the port then
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
    known = tmp_path / "known"
    words = {"H": "127.0.0.1", "P": str(server.port), "BLOB": key.split()[1], "KEY": key, "OTHER": other}
    known.write_text(re.sub(r"\b(H|P|BLOB|KEY|OTHER)\b", lambda match: words[match[0]], text) + "\n")
    file = config(server, known)
    assert ssh_logs_in(file) == logs_in
    assert (olaudit_says(file) == "") == logs_in


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
    known = tmp_path / "known"
    known.write_text(
        "".join(f"{mark}{name} {keys[not right]}\n" for (mark, _, right), name in zip(drawn, names, strict=True))
    )
    file = config(server, known)
    # A certificate authority vouches for certificates; this server has none, so both see the same lines
    assert (olaudit_says(file) == "") == ssh_logs_in(file), known.read_text()


def test_a_host_known_by_an_authority_names_its_line(server: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(f"@cert-authority * {public(server.folder / 'host_key')}\n")
    message = olaudit_says(config(server, known))
    assert f"; olaudit does not support host certificates, as {known}:1 @cert-authority asks for)" in message


def test_an_unreadable_known_hosts_file_is_named(server: Sshd, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert f"; {loop} cannot be read: " in olaudit_says(config(server, loop))


# --- RevokedHostKeys -----------------------------------------------------------------------------------------


def revocations(server: Sshd, tmp_path: Path) -> dict[str, Path]:
    """Make the forms that RevokedHostKeys can take."""
    key, other = server.folder / "host_key", keygen(tmp_path / "other")
    files = {
        name: tmp_path / name for name in ("listed", "clean", "options", "empty", "krl", "clean-krl", "cut-krl")
    }
    files["listed"].write_text(f"# revoked\n\n{public(other)} a comment\n  {public(key)}\r\n")
    files["clean"].write_text(f"{public(other)}\n")
    files["options"].write_text(f"restrict {public(key)}\n")
    files["empty"].write_text("")
    for name, revoked_key in (("krl", key), ("clean-krl", other)):
        subprocess.run(["ssh-keygen", "-q", "-k", "-f", files[name], f"{revoked_key}.pub"], check=True)
    files["cut-krl"].write_bytes(files["clean-krl"].read_bytes()[:40])
    return files | {"missing": tmp_path / "none", "folder": tmp_path}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("listed", "is revoked by RevokedHostKeys"),
        ("krl", "is revoked by RevokedHostKeys"),
        ("options", "cannot be checked against RevokedHostKeys {file}: line 1 is not a public key"),
        ("missing", "cannot be checked against RevokedHostKeys {file}: there is no such file"),
        ("folder", "cannot be checked against RevokedHostKeys {file}: "),
        ("cut-krl", "cannot be checked against RevokedHostKeys {file}: ssh-keygen -Q ended with status "),
        ("clean", ""),
        ("empty", ""),
        ("clean-krl", ""),
    ],
)
def test_revoked_host_keys_are_refused_as_by_ssh(server: Sshd, tmp_path: Path, name: str, message: str) -> None:
    revoked_keys = revocations(server, tmp_path)[name]
    file = config(server, server.known_hosts, f"RevokedHostKeys {revoked_keys}")
    says = olaudit_says(file)
    assert (says == "") == ssh_logs_in(file) == (message == "")
    assert message.format(file=revoked_keys) in says


def test_a_krl_without_ssh_keygen_refuses(server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_command(argv: Sequence[str], *_arguments: object) -> None:
        raise FileNotFoundError(argv[0])

    monkeypatch.setattr(revoked, "run_command", run_command)
    krl = revocations(server, tmp_path)["clean-krl"]
    file = config(server, server.known_hosts, f"RevokedHostKeys {krl}")
    assert olaudit_says(file).endswith("and ssh-keygen is not installed to read it")


# --- CheckHostIP, RequiredRSASize ----------------------------------------------------------------------------


def host(known: Path, **options: object) -> Settings:
    plain: dict[str, object] = {
        "name": "h", "hostname": "h", "port": 22, "user": "u", "identity_files": (), "identities_only": False,
        "known_hosts": (known,), "host_key_alias": "", "jumps": (), "connect_seconds": 10.0, "check_host_ip": True,
    }  # fmt: skip
    return Settings(**(plain | options))  # type: ignore[arg-type]  # a table of fields


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
    known = tmp_path / "known"
    other = public(keygen(tmp_path / "other"))
    known.write_text(text.replace("KEY", public(tmp_path / "key")).replace("OTHER", other) + "\n")
    settings_ = host(known, **options)
    if not refuses:
        trust.check_address(settings_, key, "192.0.2.1", KnownHosts())
        return
    with pytest.raises(HostFailed, match=r"known:1 has for its address .*192\.0\.2\.1.*CheckHostIP") as caught:
        trust.check_address(settings_, key, "192.0.2.1", KnownHosts())
    assert caught.value.failure.reason is FailureReason.HOSTKEY


def test_an_rsa_host_key_below_the_required_size_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sshd"
    folder.mkdir()
    rsa = keygen(tmp_path / "rsa", "rsa")
    with running(folder, [f"HostKey {rsa}"]) as server:
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public(rsa)}\n")
        assert olaudit_says(server.config()) == ""
        file = server.config("RequiredRSASize 4096")
        assert not ssh_logs_in(file)
        assert "has 3072 bits, and RequiredRSASize asks for 4096" in olaudit_says(file)


def test_a_fingerprint_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    file = keygen(tmp_path / "key")
    done = subprocess.run(["ssh-keygen", "-lf", file], capture_output=True, text=True, check=True)
    assert trust.fingerprint(base64.b64decode(public(file).split()[1])) == done.stdout.split()[1]
