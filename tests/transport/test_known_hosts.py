import subprocess
from pathlib import Path

import pytest

from olaudit.transport.ssh.known_hosts import KnownHosts
from tests.transport.sshd import keygen


def keys(tmp_path: Path, text: str, name: str) -> list[str]:
    file = tmp_path / "known_hosts"
    file.write_text(text)
    return [line.key for line in KnownHosts().about(name, (file,))]


@pytest.mark.parametrize(
    ("names", "name", "matches"),
    [
        ("ol-web1", "ol-web1", True),
        ("ol-web1", "ol-web2", False),
        ("OL-Web1", "ol-web1", True),
        ("ol-web1", "OL-WEB1", True),
        ("ol-web1,10.0.0.1", "10.0.0.1", True),
        ("*.us.archive.org", "ol-web1.us.archive.org", True),
        ("ol-web?", "ol-web1", True),
        ("*,!ol-web1", "ol-web1", False),
        ("*,!ol-web1", "ol-web2", True),
        ("[ol-web1]:2222", "[ol-web1]:2222", True),
        ("[ol-web1]:2222", "ol-web1", False),
        ("[ol-web1]:2222", "o:2222", False),
        ("|1|garbage", "ol-web1", False),
        ("|1|!!!|!!!", "ol-web1", False),
    ],
)
def test_names_match_as_sshd_8_says(tmp_path: Path, names: str, name: str, matches: bool) -> None:
    assert keys(tmp_path, f"{names} ssh-ed25519 KEY comment\n", name) == (["KEY"] if matches else [])


def test_hashed_names_match_as_ssh_keygen_hashes_them(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    public = keygen(tmp_path / "key").with_suffix(".pub").read_text()
    file.write_text(f"[ol-web1]:2222 {public}")
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert "ol-web1" not in file.read_text()
    assert len(KnownHosts().about("[ol-web1]:2222", (file,))) == 1
    assert not KnownHosts().about("ol-web1", (file,))


def test_revoked_lines_are_kept_apart_and_authorities_are_not_host_keys(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(
        "# a comment\n\n@revoked * ssh-ed25519 BAD\n@cert-authority * ssh-ed25519 CA\nh ssh-ed25519 K\nh x\n"
    )
    lines = KnownHosts().about("h", (file,))
    assert [(line.key, line.revoked, line.line) for line in lines] == [("BAD", True, 3), ("K", False, 5)]


def test_a_missing_file_knows_nobody(tmp_path: Path) -> None:
    assert KnownHosts().about("h", (tmp_path / "none",)) == ()


def test_a_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("h ssh-ed25519 K\n")
    known = KnownHosts()
    assert known.about("h", (file,))
    file.unlink()
    assert known.about("h", (file,))
