"""Parser of known_hosts files, compared with `ssh-keygen -F`."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from olaudit.transport.ssh.host import Settings
from olaudit.transport.ssh.known_hosts import (
    KnownHostKeys,
    KnownHostsLine,
    Marker,
    decode_key,
    keys_for,
    lines_for,
    matches_list,
    read,
)
from tests.transport.sshd import keygen


def public(number: int, kind: str = "ssh-ed25519") -> str:
    """Build a well-formed public key without a private key."""
    name, point = kind.encode(), bytes([number]) * 32
    wire = b"".join(len(field).to_bytes(4, "big") + field for field in (name, point))
    return f"{kind} {base64.b64encode(wire).decode()}"


KEY = public(1)


def matching_lines(file: Path, name: str) -> list[int]:
    """Return the numbers of the lines that match `name`."""
    return [line.line for line in lines_for(name, (file,))]


def lines_by_keygen(file: Path, name: str) -> list[int]:
    """Return the numbers of the lines that `ssh-keygen -F` finds."""
    done = subprocess.run(["ssh-keygen", "-F", name, "-f", file], capture_output=True, check=False)
    headers = [line for line in done.stdout.decode(errors="replace").splitlines() if line.startswith("# Host ")]
    return [int(line.split(" found: line ")[1].split()[0]) for line in headers]


NAMES = [
    ("ol-web1", "ol-web1", True),
    ("ol-web1", "ol-web2", False),
    ("OL-Web1", "ol-web1", True),
    ("ol-web1", "OL-WEB1", True),
    ("ol-web1,10.0.0.1", "10.0.0.1", True),
    ("*.us.archive.org", "ol-web1.us.archive.org", True),
    ("ol-web?", "ol-web1", True),
    ("ol-web?", "ol-web", False),
    ("ol-web*", "ol-web", True),
    ("*a*b*", "xxaxxbxx", True),
    ("*,!ol-web1", "ol-web1", False),
    ("!ol-web1,*", "ol-web1", False),
    ("*,!ol-web1", "ol-web2", True),
    ("!ol-web2", "ol-web1", False),
    ("[ol-web1]:2222", "[ol-web1]:2222", True),
    ("[ol-web1]:2222", "ol-web1", False),
    ("[ol-web1]:2222", "o:2222", False),
    ("[127.0.0.1]:*,![127.0.0.1]:2210", "[127.0.0.1]:2210", False),
    ("[127.0.0.1]:*,![127.0.0.1]:2210", "[127.0.0.1]:2211", True),
    ("[a-z]*", "ol-web1", False),
    ("::1", "::1", True),
    ("[::1]:2222", "[::1]:2222", True),
    ("|1|garbage", "ol-web1", False),
    ("|1|!!!|!!!", "ol-web1", False),
    ("ol-web1,|1|x|y", "ol-web1", True),
    (",ol-web1,", "ol-web1", True),
    ("x" * 1023 + ",ol-web1", "ol-web1", True),
    ("x" * 1024 + ",ol-web1", "ol-web1", False),
    ("\u00fc", "\u00fc", True),
]


@pytest.mark.parametrize(("names", "name", "matches"), NAMES)
def test_names_match_as_in_ssh_keygen(tmp_path: Path, names: str, name: str, matches: bool) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{names} {KEY} comment\n")
    assert matching_lines(file, name) == ([1] if matches else [])
    if len(names) < 1024:  # ssh-keygen 9.2 rejects a line with a longer list
        assert lines_by_keygen(file, name.lower()) == matching_lines(file, name)


def test_hashed_names_match_as_in_ssh_keygen(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"[ol-web1]:2222,other {KEY}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)
    assert "ol-web1" not in file.read_text()
    for name in ("[ol-web1]:2222", "other", "ol-web1"):
        assert matching_lines(file, name) == lines_by_keygen(file, name)
    assert len(matching_lines(file, "[ol-web1]:2222")) == 1


# ssh-keygen -F does not parse keys; ssh ignores lines with an invalid key
_INVALID_KEYS = [
    "ssh-ed25519 AAAA",
    "ssh-ed25519 !!!!",
    f"{KEY}=",
    f"ssh-rsa {KEY.split()[1]}",
    f"RSA {KEY.split()[1]}",
]
LINES = [
    (f"  h\t{KEY}", True),
    (f"h  {KEY}\r", True),
    (f"h {KEY} a comment # more", True),
    (f"@revoked h {KEY}", True),
    (f"@cert-authority h {KEY}", True),
    (f"@unknown h {KEY}", False),
    (f"@revoked @revoked h {KEY}", False),
    (f"# h {KEY}", False),
    (f"#h {KEY}", False),
    ("h ssh-ed25519", False),
    ("h", False),
    (f"h 256 {KEY}", False),
    (f"h,i {KEY}", True),
    (f"i,h {KEY}", True),
    (f"h\v {KEY}", False),
    (f"{'x,' * 20000}h {KEY}", True),
]


@pytest.mark.parametrize(("line", "accepted"), LINES, ids=[str(n) for n in range(len(LINES))])
def test_lines_are_accepted_as_by_ssh_keygen(tmp_path: Path, line: str, accepted: bool) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(f"\n{line}\nother {KEY}\n".encode())
    assert matching_lines(file, "h") == ([2] if accepted else []) == lines_by_keygen(file, "h")
    assert matching_lines(file, "other") == [3]


@pytest.mark.parametrize("key", _INVALID_KEYS)
@pytest.mark.parametrize("marker", ["", "@revoked "])
def test_line_without_a_valid_key_is_ignored(tmp_path: Path, key: str, marker: str) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{marker}h {key}\n")
    assert matching_lines(file, "h") == []


def test_revoked_marker_followed_by_a_tab_is_honoured(tmp_path: Path) -> None:
    """OpenSSH ignores such a line if a blank follows later; olaudit applies the stricter interpretation."""
    file = tmp_path / "known_hosts"
    file.write_text(f"@revoked\th {KEY}\n")
    assert matching_lines(file, "h") == [1]


_PATTERNS = [
    "h",
    "H",
    "*",
    "?",
    "[h]:22",
    "[h]:2222",
    "[h]:*",
    "[",
    "]",
    "!h",
    "![h]:2222",
    "!*",
    "i",
    "::1",
    "h*",
    "*h",
    "",
]


@st.composite
def known_hosts_lines(draw: st.DrawFn) -> str:
    names = ",".join(draw(st.lists(st.sampled_from(_PATTERNS), min_size=1, max_size=4)))
    marker = draw(st.sampled_from(["", "", "", "@revoked ", "@cert-authority ", "@other ", "#"]))
    key = draw(st.sampled_from([KEY, public(2), ""]))
    space = draw(st.sampled_from([" ", "\t", "  "]))
    lead = draw(st.sampled_from(["", " ", "\t"]))
    end = draw(st.sampled_from(["", "\r", " comment", " \t"]))
    return f"{lead}{marker}{names}{space}{key}{end}"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(known_hosts_lines(), max_size=6), st.sampled_from(["h", "[h]:2222", "i", "::1"]))
@example(["h,![h]:2222 " + KEY, "@revoked h " + KEY], "[h]:2222")
def test_generated_files_are_parsed_as_by_ssh_keygen(tmp_path: Path, text: list[str], name: str) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes("\n".join([*text, f"last {KEY}", ""]).encode())
    assert matching_lines(file, name) == lines_by_keygen(file, name), file.read_text()


def test_matching_time_is_bounded() -> None:
    pattern = "*a" * 500
    started = time.monotonic()
    assert not matches_list(pattern, "a" * 499)
    assert time.monotonic() - started < 1


# --- keys of a host ------------------------------------------------------------------------------------------


def known_keys(tmp_path: Path, text: str, port: int = 22, alias: str = "") -> KnownHostKeys:
    file = tmp_path / "known_hosts"
    file.write_text(text)
    host = Settings("h", "h", port, "u", (), False, (file,), alias, (), 10.0)  # noqa: FBT003 - identities_only
    return keys_for(host)


def test_markers_are_distinguished(tmp_path: Path) -> None:
    keys = known_keys(tmp_path, f"@revoked * {public(1)}\n@cert-authority * {public(2)}\nh {public(3)}\n")
    assert [len(lines) for lines in (keys.revoked, keys.authorities, keys.trusted)] == [1, 1, 1]
    assert (keys.trusted[0].line, keys.trusted[0].type, keys.trusted[0].marker) == (
        3,
        "ssh-ed25519",
        Marker.TRUSTED,
    )


def test_key_of_the_default_port_is_the_fallback(tmp_path: Path) -> None:
    assert [line.line for line in known_keys(tmp_path, f"h {KEY}\n", 2222).trusted] == [1]
    both = f"h {KEY}\n[h]:2222 {public(2)}\n"
    assert [line.line for line in known_keys(tmp_path, both, 2222).trusted] == [2]
    assert [line.line for line in known_keys(tmp_path, f"@revoked h {KEY}\n", 2222).revoked] == [1]
    assert not known_keys(tmp_path, f"h {KEY}\n", 2222, alias="other").trusted


def test_missing_file_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == ()
    assert read(Path("/dev/null")) == ()


def test_fifo_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert read(tmp_path / "fifo") == ()


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    host = Settings("h", "h", 22, "u", (), False, (loop,), "", (), 10.0)  # noqa: FBT003 - identities_only
    (text,) = keys_for(host).unreadable
    assert text.startswith(f"{loop} cannot be read: ")


def test_file_is_parsed_again_only_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long-running service must refuse a key as soon as it is revoked."""
    parsed: list[Path] = []

    def counting_read(file: Path) -> tuple[KnownHostsLine, ...] | str:
        parsed.append(file)
        return read(file)

    monkeypatch.setattr("olaudit.transport.ssh.known_hosts.read", counting_read)
    file = tmp_path / "known_hosts"
    file.write_text(f"h {KEY}\n")
    for _ in range(3):
        assert [line.marker for line in lines_for("h", (file,))] == [Marker.TRUSTED]
    assert parsed == [file]
    file.write_text(f"@revoked h {KEY}\n")
    assert [line.marker for line in lines_for("h", (file,))] == [Marker.REVOKED]
    file.unlink()
    assert lines_for("h", (file,)) == ()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_keys_of_ssh_keygen_are_decoded(tmp_path: Path, kind: str) -> None:
    fields = keygen(tmp_path / "key", kind).with_suffix(".pub").read_text().split()
    assert decode_key(fields[0], fields[1])
    assert not decode_key("ssh-dss", fields[1])
