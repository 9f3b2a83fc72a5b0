"""Redaction of secrets in the forms of configuration files, command lines, headers and logs."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from olaudit.redaction import MARK, redact, redact_json

SECRET = "Zq9vT3xKp7LmR2wN"
FORMS = (
    "password={}",
    "password = {}",
    "password: {}",
    "  db_password: {} and more words",
    '"password": "{}"',
    "'password': '{}'",
    '\\"password\\": \\"{}\\"',
    "PGPASSWORD={} psql",
    "export AWS_SECRET_ACCESS_KEY={}",
    "aws_secret_access_key = {}",
    "client-secret => {}",
    "api_key={}",
    "x-api-key: {}",
    "MEMCACHED_SASL_PWDB={}",
    "requirepass {}",
    'requirepass "{}"',
    "masterauth {}",
    "host all all 10.0.0.0/8 ldap ldapserver=x ldapbindpasswd={} ldapprefix=y",
    'host all all 10.0.0.0/8 ldap "ldapbindpasswd=two {}"',
    'host all all 10.0.0.0/8 radius radiusservers=x radiussecrets="{}"',
    "postgres://openlibrary:{}@ol-db1/ol",
    "redis://:{}@ol-mem0:6379/0",
    "postgres://openlibrary:a/{}@ol-db1/ol",
    "https://{}@github.com/internetarchive/x.git",
    "Authorization: Basic {}",
    "Proxy-Authorization: Bearer {}",
    "-H 'Authorization: LOW {}:x'",
    "token is Bearer {}",
    "Cookie: session={}",
    "curl -u audit:{} http://x",
    "curl --user audit:{} http://x",
    "mysqldump -uroot -p{} ol",
    "sshpass -p {} ssh x",
    "program --password {}",
    "--auth-token {}",
    "machine x login y password {}",
    "ALTER ROLE x PASSWORD '{}'",
    "memcached -m 64 -S -Y {}",
    "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{}\n-----END PGP PRIVATE KEY BLOCK-----",
    "AKIAABCDEFGHIJKLMNOP {}",
    "ghp_{}abcdef",
    "github_pat_{}_abcdef",
    "glpat-{}abcd",
    "xoxb-1234-{}",
    "sk_live_{}abc",
    "eyJhbGciOi.{}.sig",
    "https://hooks.slack.com/services/T0/B0/{}",
    "SCRAM-SHA-256$4096:{}$x:y",
    "root:$6$salt${}:1:0",
    "$2b$10${}",
    "{{SSHA}}{}",
)


@pytest.mark.parametrize("form", FORMS)
def test_secret_is_replaced_and_a_second_pass_changes_nothing(form: str) -> None:
    redacted = redact(form.format(SECRET).replace("AKIAABCDEFGHIJKLMNOP " + SECRET, "AKIAABCDEFGHIJKLMNOP"))
    assert SECRET not in redacted
    assert MARK in redacted
    assert redact(redacted) == redacted


ALPHABET = st.characters(min_codepoint=48, max_codepoint=122, categories=("Lu", "Ll", "Nd"))
SECRETS = st.text(ALPHABET, min_size=16, max_size=40)
SURROUNDINGS = st.text(max_size=200).filter(lambda text: len(text) < 16 or not text.isalnum())


@given(st.sampled_from([form for form in FORMS if "AKIA" not in form]), SECRETS, SURROUNDINGS, SURROUNDINGS)
def test_secret_in_any_text_is_replaced(form: str, secret: str, before: str, after: str) -> None:
    assert secret not in redact(f"{before}\n{form.format(secret)}\n{after}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-m 64\n-l 127.0.0.1",
        "sudo: a password is required",
        "Permission denied (publickey,password).",
        "/run/secrets/db_password: No such file or directory",
        "http://ol-home0:8080/metrics?x=1@2",
        "ssh://git@github.com/x",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "host all all 10.0.0.0/8 md5",
        "ps -p 1 -u root",
        "basic settings",
        "password=",
    ],
)
def test_text_without_a_secret_is_unchanged(text: str) -> None:
    assert redact(text) == text


def test_colon_in_prose_is_punctuation() -> None:
    assert redact("ol-token-1: it is not running", prose=True) == "ol-token-1: it is not running"
    assert redact("ran with password=x", prose=True) == f"ran with password={MARK}"


@given(st.text())
def test_line_breaks_are_kept(text: str) -> None:
    assert redact(f"password: x\n{text}").count("\n") >= (1 if "PRIVATE KEY" in text else text.count("\n"))


def test_secrets_in_json_are_replaced_and_other_values_kept() -> None:
    document = {
        "password": SECRET,
        "Env": [f"A_TOKEN={SECRET}"],
        "n": 1,
        "ok": None,
        "x": {"url": f"a://b:{SECRET}@c"},
    }
    redacted = redact_json(document)
    assert SECRET not in json.dumps(redacted)
    assert redacted["password"] == MARK
    assert (redacted["n"], redacted["ok"]) == (1, None)


@pytest.mark.parametrize(
    "hostile",
    [
        "password", "password: ", " -u a:", "a://", "http://a", "mysql ", "eyJaaaaaaa.", '"password', "a.b-",
        "-----BEGIN PRIVATE KEY-----", "login ", "=", "authorization: ", 'x"',
        "token:\\", "/token: ",
    ],
)  # fmt: skip
def test_hostile_text_takes_linear_time(hostile: str) -> None:
    started = time.process_time()
    for prose in (False, True):
        redact(hostile * (200_000 // len(hostile)), prose=prose)
    assert time.process_time() - started < 3
