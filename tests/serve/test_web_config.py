"""The exporter toolkit's file: what is read, what is refused, and TLS with a certificate made by openssl."""

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
from olaudit.serve.web_config import read
from tests.serve.running import Toy, get

SALT = b"$2b$04$" + b"a" * 21 + b"u"  # the same in every process, for it names tests
HASH = bcrypt.hashpw(b"s3cret", SALT).decode()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for 127.0.0.1 and its key, another pair, and a key with a password."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("one", "other"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "2", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=IP:127.0.0.1"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    subprocess.run(
        ["openssl", "ec", "-in", "one.key", "-aes256", "-passout", "pass:x", "-out", "locked.key"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


def write(folder: Path, text: str) -> Path:
    file = folder / "web.yaml"
    file.write_text(text)
    return file


TLS = "tls_server_config: {cert_file: one.crt, key_file: one.key"
PAIR = f"{TLS}}}\n"
REQUIRED = "RequireAndVerifyClientCert"


def test_a_file_that_says_nothing_leaves_all_open(tmp_path: Path) -> None:
    config = read(write(tmp_path, "# nothing\n"))
    assert (config.users, config.tls) == ({}, None)


def test_the_whole_format_is_read(keys: Path) -> None:
    config = read(
        write(
            keys,
            "tls_server_config:\n  cert_file: one.crt\n  key_file: one.key\n  client_ca_file: other.crt\n"
            "  client_auth_type: RequireAndVerifyClientCert\n  min_version: TLS13\n  max_version: TLS13\n"
            f"http_server_config:\n  http2: false\nbasic_auth_users:\n  prom: {HASH}\n",
        )
    )
    assert config.users == {"prom": HASH}
    assert config.tls
    assert config.tls.minimum_version is ssl.TLSVersion.TLSv1_3
    assert config.tls.verify_mode is ssl.CERT_REQUIRED
    assert [file.name for file in config.files] == ["web.yaml", "one.crt", "one.key", "other.crt"]


WRONG = {
    "- a": "this file: this must be a mapping of keys to values",
    "basic_auth_users: [a]": "basic_auth_users: this must be a mapping of keys to values",
    "a: [": "this is not YAML: while parsing a flow node",
    "tls: {}": "tls: this key is not known: expected one of basic_auth_users, http_server_config, tls_server_config",
    "basic_auth_user: {}": "basic_auth_user: this key is not known: did you mean 'basic_auth_users'?",
    "tls_server_config: {cert_fil: a}": "tls_server_config.cert_file: this is missing",
    f"{TLS}, cert_fil: a}}": "tls_server_config.cert_fil: this key is not known: did you mean 'cert_file'?",
    f"{TLS}, min_version: TLS10}}": "tls_server_config.min_version: Input should be 'TLS12' or 'TLS13'",
    f"{TLS}, client_auth_type: RequestClientCert}}": (
        "tls_server_config.client_auth_type: Input should be 'NoClientCert', 'VerifyClientCertIfGiven' or "
        "'RequireAndVerifyClientCert'"
    ),
    f"{TLS}, client_auth_type: RequireAndVerifyClientCert}}": (
        "tls_server_config: client_auth_type RequireAndVerifyClientCert needs a client_ca_file"
    ),
    f"{TLS}, client_ca_file: one.crt}}": (
        "tls_server_config: client_ca_file has no use without a client_auth_type that verifies"
    ),
    f"{TLS}, client_auth_type: VerifyClientCertIfGiven, client_ca_file: one.key}}": (
        "{dir}/one.key holds no certificates"
    ),
    "tls_server_config: {cert_file: no.crt, key_file: one.key}": (
        "{dir}/no.crt cannot be read: No such file or directory"
    ),
    "tls_server_config: {cert_file: one.crt, key_file: other.key}": (
        "{dir}/one.crt and {dir}/other.key are no certificate and its key: KEY_VALUES_MISMATCH"
    ),
    "tls_server_config: {cert_file: one.key, key_file: one.key}": "{dir}/one.key and {dir}/one.key are no",
    "tls_server_config: {cert_file: one.crt, key_file: locked.key}": "{dir}/one.crt and {dir}/locked.key are no",
    "http_server_config: {http3: true}": "http_server_config.http3: this key is not known: did you mean 'http2'?",
    "basic_auth_users: {prom: s3cret}": (
        "basic_auth_users.prom: this is no bcrypt hash: `htpasswd -nBC 10 USER` makes one"
    ),
    "basic_auth_users: {prom: 3}": "basic_auth_users.prom: Input should be a valid string",
    f"basic_auth_users: {{'a:b': {HASH}}}": "basic_auth_users.a:b: a user's name is not empty, and has no colon",
}


@pytest.mark.parametrize(("text", "message"), WRONG.items())
def test_what_is_wrong_is_said_in_one_line(keys: Path, text: str, message: str) -> None:
    file = write(keys, text)
    with pytest.raises(UsageError) as raised:
        read(file)
    assert raised.value.message.startswith(f"{file}: {message.format(dir=keys)}")
    assert len(raised.value.message.splitlines()) == 1
    assert "s3cret" not in raised.value.message


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no\.yaml: cannot be read: No such file or directory$"):
        read(tmp_path / "no.yaml")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read(tmp_path)


# --- in use ----------------------------------------------------------------------------------------------------


def ask(port: int, trusted: Path, user: str = "", client: Path | None = None) -> tuple[int, str]:
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


def test_tls_and_users_are_asked_for(keys: Path, expected: Path) -> None:
    config = read(write(keys, f"{PAIR}basic_auth_users: {{prom: {HASH}}}\n"))
    with Toy(expected, tls=config.tls, users=config.users).served() as port:
        assert ask(port, keys / "one.crt", "prom:s3cret")[0] == 200
        for user in ("", "prom:wrong", "nobody:s3cret"):
            status, body = ask(port, keys / "one.crt", user)
            assert status == 401
            assert "olaudit_" not in body
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(port, keys / "other.crt", "prom:s3cret")
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            get(port, "/metrics")  # without TLS


def test_clients_may_have_to_show_a_certificate(keys: Path, expected: Path) -> None:
    demands = ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: other.crt}\n"
    config = read(write(keys, f"{TLS}{demands}"))
    with Toy(expected, tls=config.tls).served() as port:
        assert ask(port, keys / "one.crt", client=keys / "other.crt")[0] == 200
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            ask(port, keys / "one.crt")


def test_a_client_that_never_shakes_hands_delays_nobody(keys: Path, expected: Path) -> None:
    import socket  # noqa: PLC0415 - here alone

    config = read(write(keys, PAIR))
    with Toy(expected, tls=config.tls).served() as port:
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        assert ask(port, keys / "one.crt")[0] == 200
        for one in silent:
            one.close()


def test_a_certificate_that_was_renewed_is_shown_without_a_restart(
    keys: Path, expected: Path, tmp_path: Path
) -> None:
    for name in ("one.crt", "one.key"):
        shutil.copy(keys / name, tmp_path / name)
    config = read(write(tmp_path, PAIR))
    with Toy(expected, tls=config.tls).served() as port:
        assert ask(port, keys / "one.crt")[0] == 200
        shutil.copy(keys / "other.crt", tmp_path / "one.crt")
        shutil.copy(keys / "other.key", tmp_path / "one.key")
        config.take_over(read(tmp_path / "web.yaml"))
        assert ask(port, keys / "other.crt")[0] == 200


def test_what_a_restart_alone_can_change_is_refused_and_not_called_reloaded(keys: Path) -> None:
    users = f"basic_auth_users: {{mek: {HASH}}}"
    plain, strict = PAIR + users, f"{TLS}, client_ca_file: other.crt, client_auth_type: {REQUIRED}}}\n{users}"
    for before, after, message in (
        (plain, "{}", "TLS is switched on or off by a restart only"),
        (plain, strict, "TLS versions and clients' certificates change by a restart only"),
        (
            strict,
            strict.replace(REQUIRED, "VerifyClientCertIfGiven"),
            "clients' certificates change by a restart only",
        ),
        (strict, strict.replace("other.crt", "one.crt"), "clients' certificates change by a restart only"),
        (plain, PAIR, "that no user is asked for any more is taken over by a restart only"),
    ):
        config = read(write(keys, before))
        with pytest.raises(UsageError, match=message):
            config.take_over(read(write(keys, after)))
