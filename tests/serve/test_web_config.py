"""The web configuration file: parsing, errors, and TLS with certificates made by openssl."""

from __future__ import annotations

import base64
import http.client
import shutil
import ssl
import subprocess
from pathlib import Path

import bcrypt
import pytest

from olaudit.errors import UsageError
from olaudit.serve.web_config import read_web_config
from tests.serve.harness import ServiceHarness, get

SALT = b"$2b$04$" + b"a" * 21 + b"u"  # constant, because the hash is part of test ids
HASH = bcrypt.hashpw(b"s3cret", SALT).decode()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for 127.0.0.1 and its key, another pair, and a key with a password."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("first", "second"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "2", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    subprocess.run(
        ["openssl", "ec", "-in", "first.key", "-aes256", "-passout", "pass:x", "-out", "locked.key"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


def write(folder: Path, text: str) -> Path:
    file = folder / "web.yaml"
    file.write_text(text)
    return file


TLS = "tls_server_config: {cert_file: first.crt, key_file: first.key"
PAIR = f"{TLS}}}\n"
REQUIRED = "RequireAndVerifyClientCert"


def test_empty_file_means_no_users_and_no_tls(tmp_path: Path) -> None:
    config = read_web_config(write(tmp_path, "# nothing\n"))
    assert (config.users, config.tls) == ({}, None)


def test_all_settings_are_read(keys: Path) -> None:
    config = read_web_config(
        write(
            keys,
            "tls_server_config:\n  cert_file: first.crt\n  key_file: first.key\n  client_ca_file: second.crt\n"
            "  client_auth_type: RequireAndVerifyClientCert\n  min_version: TLS13\n  max_version: TLS13\n"
            f"http_server_config:\n  http2: false\nbasic_auth_users:\n  prom: {HASH}\n",
        )
    )
    assert config.users == {"prom": HASH}
    assert config.tls
    assert config.tls.minimum_version is ssl.TLSVersion.TLSv1_3
    assert config.tls.verify_mode is ssl.CERT_REQUIRED
    assert [file.name for file in config.files] == ["web.yaml", "first.crt", "first.key", "second.crt"]


INVALID = {
    "- a": "this file: must be a mapping of keys to values",
    "basic_auth_users: [a]": "basic_auth_users: must be a mapping of keys to values",
    "a: [": "not valid YAML: while parsing a flow node",
    "tls: {}": "tls: unknown key: expected one of basic_auth_users, http_server_config, tls_server_config",
    "basic_auth_user: {}": "basic_auth_user: unknown key: did you mean 'basic_auth_users'?",
    "tls_server_config: {cert_fil: a}": "tls_server_config.cert_file: missing",
    f"{TLS}, cert_fil: a}}": "tls_server_config.cert_fil: unknown key: did you mean 'cert_file'?",
    f"{TLS}, min_version: TLS10}}": "tls_server_config.min_version: Input should be 'TLS12' or 'TLS13'",
    f"{TLS}, client_auth_type: RequestClientCert}}": (
        "tls_server_config.client_auth_type: Input should be 'NoClientCert', 'VerifyClientCertIfGiven' or "
        "'RequireAndVerifyClientCert'"
    ),
    f"{TLS}, client_auth_type: RequireAndVerifyClientCert}}": (
        "tls_server_config: client_auth_type RequireAndVerifyClientCert requires client_ca_file"
    ),
    f"{TLS}, client_ca_file: first.crt}}": (
        "tls_server_config: client_ca_file requires a client_auth_type that verifies certificates"
    ),
    f"{TLS}, client_auth_type: VerifyClientCertIfGiven, client_ca_file: first.key}}": (
        "{dir}/first.key contains no certificates"
    ),
    "tls_server_config: {cert_file: no.crt, key_file: first.key}": (
        "{dir}/no.crt cannot be read: No such file or directory"
    ),
    "tls_server_config: {cert_file: first.crt, key_file: second.key}": (
        "{dir}/first.crt and {dir}/second.key are not a certificate and its key: KEY_VALUES_MISMATCH"
    ),
    "tls_server_config: {cert_file: first.key, key_file: first.key}": (
        "{dir}/first.key and {dir}/first.key are not a certificate and its key"
    ),
    "tls_server_config: {cert_file: first.crt, key_file: locked.key}": (
        "{dir}/first.crt and {dir}/locked.key are not a certificate and its key"
    ),
    "http_server_config: {http3: true}": "http_server_config.http3: unknown key: did you mean 'http2'?",
    "basic_auth_users: {prom: s3cret}": (
        "basic_auth_users.prom: not a bcrypt hash: create one with `htpasswd -nBC 10 USER`"
    ),
    "basic_auth_users: {prom: 3}": "basic_auth_users.prom: Input should be a valid string",
    f"basic_auth_users: {{'a:b': {HASH}}}": (
        "basic_auth_users.a:b: a user name must not be empty or contain a colon"
    ),
}


@pytest.mark.parametrize(("text", "message"), INVALID.items())
def test_invalid_file_is_a_one_line_error(keys: Path, text: str, message: str) -> None:
    file = write(keys, text)
    with pytest.raises(UsageError) as raised:
        read_web_config(file)
    assert raised.value.message.startswith(f"{file}: {message.format(dir=keys)}")
    assert len(raised.value.message.splitlines()) == 1
    assert "s3cret" not in raised.value.message


def test_unreadable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.yaml: cannot be read: No such file or directory$"):
        read_web_config(tmp_path / "no.yaml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_web_config(tmp_path)


# --- server ----------------------------------------------------------------------------------------------------


def fetch(port: int, trusted: Path, user: str = "", client: Path | None = None) -> tuple[int, str]:
    context = ssl.create_default_context(cafile=str(trusted))
    if client:
        context.load_cert_chain(client, client.with_suffix(".key"))
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
    headers = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}
    try:
        connection.request("GET", "/metrics", headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_server_requires_tls_and_a_password(keys: Path, expected: Path) -> None:
    config = read_web_config(write(keys, f"{PAIR}basic_auth_users: {{prom: {HASH}}}\n"))
    with ServiceHarness(expected, tls=config.tls, users=config.users).serve() as port:
        assert fetch(port, keys / "first.crt", "prom:s3cret")[0] == 200
        for user in ("", "prom:wrong", "unknown:s3cret"):
            status, body = fetch(port, keys / "first.crt", user)
            assert status == 401
            assert "olaudit_" not in body
        with pytest.raises(ssl.SSLCertVerificationError):
            fetch(port, keys / "second.crt", "prom:s3cret")
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            get(port, "/metrics")  # without TLS


def test_client_certificate_can_be_required(keys: Path, expected: Path) -> None:
    client_auth = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: second.crt}\n"
    config = read_web_config(write(keys, f"{TLS}{client_auth}"))
    with ServiceHarness(expected, tls=config.tls).serve() as port:
        assert fetch(port, keys / "first.crt", client=keys / "second.crt")[0] == 200
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            fetch(port, keys / "first.crt")


def test_client_without_handshake_delays_no_other(keys: Path, expected: Path) -> None:
    import socket  # noqa: PLC0415 - only used here

    config = read_web_config(write(keys, PAIR))
    with ServiceHarness(expected, tls=config.tls).serve() as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        assert fetch(port, keys / "first.crt")[0] == 200
        for client in silent:
            client.close()


def test_renewed_certificate_is_used_without_restart(keys: Path, expected: Path, tmp_path: Path) -> None:
    for name in ("first.crt", "first.key"):
        shutil.copy(keys / name, tmp_path / name)
    config = read_web_config(write(tmp_path, PAIR))
    with ServiceHarness(expected, tls=config.tls).serve() as port:
        assert fetch(port, keys / "first.crt")[0] == 200
        shutil.copy(keys / "second.crt", tmp_path / "first.crt")
        shutil.copy(keys / "second.key", tmp_path / "first.key")
        config.update(read_web_config(tmp_path / "web.yaml"))
        assert fetch(port, keys / "second.crt")[0] == 200


def test_update_that_needs_a_restart_is_refused(keys: Path) -> None:
    users = f"basic_auth_users: {{mek: {HASH}}}"
    plain, strict = PAIR + users, f"{TLS}, client_ca_file: second.crt, client_auth_type: {REQUIRED}}}\n{users}"
    for before, after, message in (
        (plain, "{}", "TLS can be enabled or disabled only by a restart"),
        (plain, strict, "TLS versions and client authentication can be changed only by a restart"),
        (
            strict,
            strict.replace(REQUIRED, "VerifyClientCertIfGiven"),
            "client authentication can be changed only by a restart",
        ),
        (
            strict,
            strict.replace("second.crt", "first.crt"),
            "client authentication can be changed only by a restart",
        ),
        (plain, PAIR, "all users can be removed only by a restart"),
    ):
        config = read_web_config(write(keys, before))
        with pytest.raises(UsageError, match=message):
            config.update(read_web_config(write(keys, after)))
