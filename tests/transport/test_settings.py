import getpass
from pathlib import Path

import pytest

from olaudit.errors import UsageError
from olaudit.transport import HostFailed
from olaudit.transport.ssh.settings import Settings, SshConfig


def settings(tmp_path: Path, config: str, target: str = "ol-web1") -> Settings:
    file = tmp_path / "config"
    file.write_text(config)
    return SshConfig(file).settings(target)


def test_what_ssh_config_says_is_honoured(tmp_path: Path) -> None:
    got = settings(
        tmp_path,
        """
        Host ol-*
          HostName %h.us.archive.org
          Port 2222
          User auditor
          IdentityFile /keys/%h
          IdentitiesOnly yes
          UserKnownHostsFile /known/one /known/two
          GlobalKnownHostsFile none
          HostKeyAlias web
          ProxyJump me@bastion:2200, inner
          ConnectTimeout 3
        """,
    )
    assert got == Settings(
        name="ol-web1",
        hostname="ol-web1.us.archive.org",
        port=2222,
        user="auditor",
        identity_files=(Path("/keys/ol-web1.us.archive.org"),),
        identities_only=True,
        known_hosts=(Path("/known/one"), Path("/known/two")),
        host_key_alias="web",
        jumps=("me@bastion:2200", "inner"),
        connect_seconds=3.0,
    )
    assert got.known_as == "web"
    assert str(got) == "ol-web1 (ol-web1.us.archive.org:2222)"


def test_without_a_config_the_defaults_are_ssh_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    got = SshConfig(None).settings("ol-web1")
    assert (got.hostname, got.port, got.user) == ("ol-web1", 22, getpass.getuser())
    assert got.identity_files == tuple(tmp_path / ".ssh" / name for name in ("id_ed25519", "id_ecdsa", "id_rsa"))
    assert got.known_hosts[0] == tmp_path / ".ssh" / "known_hosts"
    assert Path("/etc/ssh/ssh_known_hosts") in got.known_hosts
    assert (got.known_as, str(got), got.jumps) == ("ol-web1", "ol-web1", ())


def test_a_jump_host_may_carry_user_and_port(tmp_path: Path) -> None:
    got = settings(tmp_path, "", "me@bastion:2200")
    assert (got.name, got.user, got.port, got.known_as) == ("bastion", "me", 2200, "[bastion]:2200")


def test_a_proxy_command_is_refused_rather_than_overlooked(tmp_path: Path) -> None:
    with pytest.raises(HostFailed, match="ProxyCommand is not supported: use ProxyJump"):
        settings(tmp_path, "Host *\n  ProxyCommand nc %h %p\n")


def test_nonsense_for_one_host_fails_that_host(tmp_path: Path) -> None:
    with pytest.raises(HostFailed, match="ssh_config makes no sense here"):
        settings(tmp_path, "Host *\n  Port many\n")


def test_a_name_that_cannot_be_made_canonical_is_a_dns_failure(tmp_path: Path) -> None:
    config = "CanonicalizeHostname yes\nCanonicalDomains x.invalid\nCanonicalizeFallbackLocal no\n"
    with pytest.raises(HostFailed, match="no canonical name found for ol-web1"):
        settings(tmp_path, config)


def test_a_config_named_but_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        SshConfig(tmp_path / "none")


def test_a_config_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        SshConfig(tmp_path)


def test_a_config_that_is_none_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("Match nothing\n")
    with pytest.raises(UsageError, match=r"config: .*Match"):
        SshConfig(file)


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 12345"), OSError("No username set")])
def test_a_user_without_a_name_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def getuser() -> str:
        raise error

    monkeypatch.setattr("getpass.getuser", getuser)
    with pytest.raises(HostFailed) as caught:
        settings(tmp_path, "")
    assert caught.value.failure.message.endswith(": set $USER and $HOME")
