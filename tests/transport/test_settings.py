"""Resolution of ssh_config by the installed OpenSSH client and by the parser that replaces it."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from olaudit.errors import UsageError
from olaudit.model import FailureReason
from olaudit.transport import Deadline, HostFailed
from olaudit.transport.ssh import openssh, parser
from olaudit.transport.ssh.host import Settings, Target
from olaudit.transport.ssh.openssh import OpenSsh
from olaudit.transport.ssh.options import build_settings, split_paths
from olaudit.transport.ssh.parser import ParsedConfig
from olaudit.transport.ssh.settings import SshConfig

Resolve = Callable[..., Settings]


@pytest.fixture(params=["openssh", "parser"])
def resolve(request: pytest.FixtureRequest, tmp_path: Path) -> Resolve:
    """Function that resolves a target by the text of a config, with either parser."""

    def resolve(config: str, target: str = "ol-web1", seconds: float = 10) -> Settings:
        file = tmp_path / "config"
        file.write_text(config)
        resolver = ParsedConfig(file) if request.param == "parser" else None
        return SshConfig(file, resolver).settings(target, Deadline.after(seconds))

    return resolve


def resolve_by_ssh(tmp_path: Path, config: str, target: str = "ol-web1", seconds: float = 10) -> Settings:
    file = tmp_path / "config"
    file.write_text(config)
    return SshConfig(file).settings(target, Deadline.after(seconds))


def host_failure(resolve: Resolve, config: str, **kwargs: float) -> tuple[FailureReason, str]:
    with pytest.raises(HostFailed) as caught:
        resolve(config, **kwargs)
    return caught.value.failure.reason, caught.value.failure.message


# --- both parsers --------------------------------------------------------------------------------------------


def test_documented_options_are_honoured(resolve: Resolve, tmp_path: Path) -> None:
    settings = resolve(
        """
        Host ol-*
          HostName %h.us.archive.org
          Port 2222
          User auditor
          IdentityFile /keys/%h
          IdentityFile "~/my keys/%r"
          IdentitiesOnly yes
          IdentityAgent ~/agent
          CertificateFile ~/cert-%n
          UserKnownHostsFile /known/one /known/two
          GlobalKnownHostsFile none
          HostKeyAlias web
          ProxyJump me@bastion:2200,inner
          ConnectTimeout 1m30s
          RevokedHostKeys ~/revoked
          CheckHostIP yes
          AddressFamily inet
          BindAddress 127.0.0.2
          Ciphers aes256-ctr
        """
    )
    assert settings.hostname == "ol-web1.us.archive.org"
    assert (settings.name, settings.port, settings.user, settings.host_key_alias) == (
        "ol-web1",
        2222,
        "auditor",
        "web",
    )
    assert settings.identity_files == (Path("/keys/ol-web1.us.archive.org"), tmp_path / "my keys/auditor")
    assert settings.certificates == (tmp_path / "cert-ol-web1",)
    assert settings.identities_only
    assert settings.identity_agent == str(tmp_path / "agent")
    assert settings.known_hosts == (Path("/known/one"), Path("/known/two"))
    assert settings.jumps == ("me@bastion:2200", "inner")
    assert settings.connect_seconds == 90.0
    assert settings.revoked_host_keys == tmp_path / "revoked"
    assert (settings.check_host_ip, settings.address_family, settings.bind_address) == (True, "inet", "127.0.0.2")
    assert settings.algorithms.ciphers == "aes256-ctr"
    assert settings.known_hosts_name == "web"
    assert str(settings) == "ol-web1 (ol-web1.us.archive.org:2222)"


@pytest.mark.parametrize(
    ("config", "command"),
    [
        ("ProxyCommand none", ""),
        ("ProxyCommand nc %h %p", "nc ol-web1.example 2222"),
        (
            'ProxyCommand "/opt/my nc" %r@%h:%p 100%% ${HOME} $HOME',
            '"/opt/my nc" auditor@ol-web1.example:2222 100% ${HOME} $HOME',
        ),
        ("ProxyCommand none\nHost *\nProxyCommand nc %h %p", ""),
        ("ProxyJump none\nProxyCommand nc %h %p", "nc ol-web1.example 2222"),
    ],
)  # fmt: skip
def test_proxy_command_is_expanded(resolve: Resolve, config: str, command: str) -> None:
    settings = resolve(f"HostName %h.example\nPort 2222\nUser auditor\n{config}\n")
    assert settings.proxy_command == command
    assert settings.intermediary == ("its ProxyCommand" if command else "")


@pytest.mark.parametrize(
    ("value", "seconds"), [("3", 3.0), ("10s", 10.0), ("1m", 60.0), ("1h", 3600.0), ("none", 10.0)]
)
def test_connect_timeout_is_parsed_as_a_time(resolve: Resolve, value: str, seconds: float) -> None:
    assert resolve(f"ConnectTimeout {value}\n").connect_seconds == seconds


def test_defaults_without_a_config_are_those_of_ssh(tmp_path: Path) -> None:
    for resolver in (None, ParsedConfig(None)):
        settings = SshConfig(None, resolver).settings("ol-web1", Deadline.after(10))
        assert (settings.hostname, settings.port, settings.user) == ("ol-web1", 22, getpass.getuser())
        for name in ("id_ed25519", "id_ecdsa", "id_rsa"):
            assert tmp_path / ".ssh" / name in settings.identity_files
        assert settings.known_hosts[0] == tmp_path / ".ssh" / "known_hosts"
        assert Path("/etc/ssh/ssh_known_hosts") in settings.known_hosts
        assert (settings.known_hosts_name, str(settings), settings.jumps) == ("ol-web1", "ol-web1", ())
        assert (settings.proxy_command, settings.revoked_host_keys) == ("", None)


@pytest.mark.parametrize(
    ("value", "agent"),
    [("none", ""), ("SSH_AUTH_SOCK", "/run/agent"), ("$OTHER", "/run/other"), ("${OTHER}.d", "/run/other.d")],
)
def test_identity_agent_is_a_socket(
    resolve: Resolve, monkeypatch: pytest.MonkeyPatch, value: str, agent: str
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("OTHER", "/run/other")
    assert resolve(f"IdentityAgent {value}\n").identity_agent == agent
    assert resolve("").identity_agent == "/run/agent"


def test_user_and_port_of_the_target_take_precedence(resolve: Resolve) -> None:
    settings = resolve("", target="me@bastion:2200")
    assert (settings.name, settings.user, settings.port) == ("bastion", "me", 2200)
    assert settings.known_hosts_name == "[bastion]:2200"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("web", Target("web")),
        ("web:22", Target("web", "", "22")),
        ("me@web:2222", Target("web", "me", "2222")),
        ("a@b@web", Target("web", "a@b")),
        ("::1", Target("::1")),
        ("[::1]:2222", Target("::1", "", "2222")),
        ("me@[fe80::1%eth0]", Target("fe80::1%eth0", "me")),
        ("ssh://me@web:2222/", Target("web", "me", "2222")),
        ("ssh://[::1]:2222", Target("::1", "", "2222")),
        (" inner ", Target("inner")),
    ],
)
def test_targets_and_jump_hosts_are_parsed(text: str, target: Target) -> None:
    assert Target.parse(text) == target


@pytest.mark.parametrize(
    ("jump", "jumps"),
    [
        ("ssh://u@b:3,c", ("ssh://u@b:3", "c")),
        ("me@[::1]:99,foo", ("me@[::1]:99", "foo")),
        ("%h-jump", ("ol-web1-jump",)),
        ("none", ()),
    ],
)
def test_proxy_jump_is_parsed_as_by_ssh(resolve: Resolve, jump: str, jumps: tuple[str, ...]) -> None:
    assert resolve(f"ProxyJump {jump}\n").jumps == jumps


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("KnownHostsCommand /bin/echo %H", "ssh_config sets KnownHostsCommand: olaudit does not run it"),
        ("ProxyUseFdpass yes", "ssh_config sets ProxyUseFdpass: "),
        ("PubkeyAuthentication no", "ssh_config sets PubkeyAuthentication no: olaudit logs in with keys only"),
        ("CertificateFile /keys/%C", "the token %C in '/keys/%C' is not supported"),
        ("IdentityFile ${UNSET_HERE}/key", "the environment variable UNSET_HERE is not set"),
    ],
)
def test_unsupported_directive_is_refused_by_name(resolve: Resolve, line: str, message: str) -> None:
    reason, text = host_failure(resolve, f"{line}\n")
    assert reason is FailureReason.SSH
    assert message in text


@pytest.mark.parametrize("line", ["KnownHostsCommand none", "ProxyUseFdpass no", "PubkeyAuthentication yes"])
def test_disabled_directive_is_not_refused(resolve: Resolve, line: str) -> None:
    assert resolve(f"{line}\n").hostname == "ol-web1"


def test_failed_canonicalization_is_dns(resolve: Resolve) -> None:
    config = "CanonicalizeHostname yes\nCanonicalDomains x.invalid\nCanonicalizeFallbackLocal no\n"
    reason, message = host_failure(resolve, config)
    assert reason is FailureReason.DNS
    assert "ol-web1" in message


def test_canonicalization_falls_back_to_the_name(resolve: Resolve) -> None:
    config = "CanonicalizeHostname yes\nCanonicalDomains invalid\nCanonicalizeFallbackLocal yes\n"
    assert resolve(config).hostname == "ol-web1"


# --- invalid files -------------------------------------------------------------------------------------------


def test_missing_named_config_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        SshConfig(tmp_path / "none")


def test_unreadable_config_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        SshConfig(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Match nothing\n", "line 1: Bad Match condition"),
        ("\nFoo bar\n", "config: line 2: Bad configuration option: foo"),
        ("Host *\n  Port many\n", "line 2: Bad port 'many'"),
    ],
)
def test_invalid_config_is_an_error_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        SshConfig(file)
    assert message in caught.value.message


def test_parser_rejects_an_invalid_config(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("Match nothing\n")
    with pytest.raises(UsageError, match=r"config: .*Match"):
        ParsedConfig(file)


def test_invalid_value_of_one_host_fails_only_that_host(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("Host ol-web1\n  Port many\n")
    config = SshConfig(file, ParsedConfig(file))
    with pytest.raises(HostFailed, match="ssh_config could not be parsed: invalid literal"):
        config.settings("ol-web1", Deadline.after(10))
    assert config.settings("ol-web2", Deadline.after(10)).port == 22


def test_name_that_ssh_rejects_fails_the_host(tmp_path: Path) -> None:
    for name in ("-oProxyCommand=touch x", "a;b"):
        with pytest.raises(HostFailed, match="hostname contains invalid characters"):
            resolve_by_ssh(tmp_path, "", name)


# --- OpenSSH's own resolution --------------------------------------------------------------------------------


def test_included_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("User included\nRevokedHostKeys /revoked\n")
    settings = resolve_by_ssh(tmp_path, f"Host ol-web1\n  Include {tmp_path}/mo*\nHost *\n  User other\n")
    assert (settings.user, settings.revoked_host_keys) == ("included", Path("/revoked"))


def test_hanging_match_exec_ends_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssh, "_CHECK_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(HostFailed, match=r"within 0\.5 s: does a `Match exec`") as caught:
        resolve_by_ssh(tmp_path, 'Match exec "sleep 4242"\n  User x\n', seconds=0.5)
    assert time.monotonic() - started < 2
    assert caught.value.failure.reason is FailureReason.TIMEOUT
    assert "4242" not in subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True).stdout


def test_error_of_one_host_contains_the_message_of_ssh(tmp_path: Path) -> None:
    with pytest.raises(HostFailed, match=r"ssh_config cannot be resolved: .*%x"):
        resolve_by_ssh(tmp_path, "Host ol-web1\n  HostName %x\n")


def test_target_is_resolved_once(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    file = tmp_path / "config"
    file.write_text(f'Match host ol-web1 exec "echo x >> {marks}"\n  User x\n')
    config = SshConfig(file)
    first = config.settings("ol-web1", Deadline.after(10))
    assert config.settings("ol-web1", Deadline.after(10)) is first
    assert marks.read_text() == "x\n"


def test_home_variable_overrides_the_home_in_passwd(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text("Host ol-web1\n  User home\n  UserKnownHostsFile ~/known\n")
    settings = SshConfig(None).settings("ol-web1", Deadline.after(10))
    assert settings.user == "home"
    assert settings.known_hosts[0] == tmp_path / "known"
    assert SshConfig(None).settings("ol-web2", Deadline.after(10)).user == getpass.getuser()


def test_system_file_is_read_where_home_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system [1]"
    system.write_text("User system\nRevokedHostKeys /revoked\n")
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text("Host ol-web1\n  User home\n")
    monkeypatch.setattr(openssh, "SYSTEM_CONFIG", system)
    monkeypatch.setattr(parser, "SYSTEM_CONFIG", system)
    for resolver in (None, ParsedConfig(None)):
        config = SshConfig(None, resolver)
        settings = config.settings("ol-web1", Deadline.after(10))
        assert (settings.user, settings.revoked_host_keys) == ("home", Path("/revoked"))
        assert config.settings("ol-web2", Deadline.after(10)).user == "system"


SSH_7_2 = """\
user auditor
hostname ol-web1
port 22
checkhostip yes
identitiesonly no
connecttimeout 0
identityfile ~/.ssh/id_rsa
identityfile ~/.ssh/id_dsa
globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2
userknownhostsfile ~/.ssh/known_hosts ~/.ssh/known_hosts2
hostkeyalgorithms ssh-ed25519,ssh-rsa
pubkeyacceptedkeytypes +ssh-dss
"""


def test_output_of_ssh_7_2_is_parsed(tmp_path: Path) -> None:
    settings = build_settings(Target("ol-web1"), openssh.parse(SSH_7_2))
    assert (settings.hostname, settings.user, settings.port) == ("ol-web1", "auditor", 22)
    assert settings.identity_files[0] == tmp_path / ".ssh/id_rsa"
    assert settings.known_hosts[0] == tmp_path / ".ssh/known_hosts"
    assert (settings.check_host_ip, settings.connect_seconds, settings.jumps) == (True, 10.0, ())
    assert settings.algorithms.user_keys == "+ssh-dss"


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ("/a /b", ["/a", "/b"]),
        ("/a b/c ~/d e", ["/a b/c", "~/d e"]),
        ('"/a b" /c', ["/a b", "/c"]),
        ("known_hosts", ["known_hosts"]),
        ("", []),
    ],
)
def test_paths_with_spaces_are_not_split(value: str, paths: list[str]) -> None:
    assert split_paths(value) == paths


def test_quoted_known_hosts_paths_are_parsed(resolve: Resolve) -> None:
    settings = resolve('UserKnownHostsFile "/known/one two" /b\nGlobalKnownHostsFile none\n')
    assert settings.known_hosts == (Path("/known/one two"), Path("/b"))


# --- the parser without OpenSSH ------------------------------------------------------------------------------


def test_parser_is_used_without_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert OpenSsh.find(None) is None
    assert resolve_by_ssh(tmp_path, "User auditor\n").user == "auditor"


@pytest.mark.parametrize(
    "message", ["No user exists for uid 4242", "ssh: unknown option -- G", "ssh: illegal option -- G"]
)
def test_unusable_ssh_client_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str) -> None:
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\necho '{message}' >&2\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert OpenSsh.find(None) is None


def test_parser_reads_includes_before_the_first_block(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host ol-web1\n  User included\n")
    file = tmp_path / "config"
    file.write_text(f"Include {tmp_path}/mo*\nHost *\n  User other\n")
    config = SshConfig(file, ParsedConfig(file))
    assert config.settings("ol-web1", Deadline.after(10)).user == "included"
    assert config.settings("ol-web2", Deadline.after(10)).user == "other"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Host *\n  Include more\n", ":2: Include within a Host or Match block, which only OpenSSH's client"),
        ('Match exec "true"\n', ":1: Match exec, which only OpenSSH's client"),
    ],
)
def test_parser_refuses_directives_it_cannot_ignore(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(HostFailed, match="no usable one is installed") as caught:
        SshConfig(file, ParsedConfig(file)).settings("ol-web1", Deadline.after(10))
    assert message in caught.value.failure.message


def test_parser_reports_each_ignored_directive(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("Port 22\nPKCS11Provider /lib/x\nHost a\n  Tag = b\n  ForwardAgent yes\nHost b\n  Tag c\n")
    assert SshConfig(file, ParsedConfig(file)).notices == (
        f"{file}:2: PKCS11Provider is not honoured without OpenSSH's client (ssh)",
        f"{file}:4: Tag is not honoured without OpenSSH's client (ssh)",
    )
    file.write_text("Port 22\n")
    assert SshConfig(file).notices == ()


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 12345"), OSError("No username set")])
def test_unknown_user_name_has_a_hint(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def getuser() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", getuser)
    with pytest.raises(HostFailed) as caught:
        SshConfig(None, ParsedConfig(None)).settings("ol-web1", Deadline.after(10))
    assert caught.value.failure.message.endswith(": set $USER and $HOME")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run as a user without a name")
def test_user_without_a_passwd_entry_can_audit(tmp_path: Path) -> None:
    """ssh does not run for such a user, who is common in containers."""
    file = tmp_path / "config"
    file.write_text("User auditor\n")
    file.chmod(0o644)
    for folder in file.parents[: len(file.parents) - len(Path(tempfile.gettempdir()).parts)]:
        folder.chmod(0o755)
    code = (
        "import os, sys; from pathlib import Path; from olaudit.transport import Deadline;"
        "from olaudit.transport.ssh.settings import SshConfig; os.setuid(4242);"
        "print(SshConfig(Path(sys.argv[1])).settings('ol-web1', Deadline.after(10)).user)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "USER": "me"},
    )
    assert (done.stdout, done.stderr) == ("auditor\n", "")
