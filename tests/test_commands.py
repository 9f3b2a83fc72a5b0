"""The batch's commands run on dash with coreutils of 2014, by a list of what was there, and none can write.

What each program knew is what Ubuntu 14.04 has: coreutils 8.21, findutils 4.4.2, grep 2.16, sed 4.2, procps 3.3.9,
iptables 1.4.21, dpkg 1.17, bash 4.3, openssl 1.0.1, git 1.9, systemd 204, upstart 1.12. An option that is not in
the list is not known to be older, even if it is.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from olaudit.audit import plan, select_checks
from olaudit.checks import CHECKERS
from olaudit.expected import load
from olaudit.expected.spec import HostSpec
from olaudit.model import Command
from olaudit.transport.batch import script

EXPECTED = Path(__file__).parents[1] / "expected"
MARKER = "f" * 32
SHELLS = ("sh", "bash")

MORE = """\
host: h
paths:
  /a: {type: file, owner: root, group: root, mode: "0644", content: {equals: /b}}
  /c: {presence: forbidden}
  /d/*.x: {mode: "0600"}
  /d/.*: {presence: forbidden}
dns: {name: h.example.org, address: audited}
retired_names: {names: [old0, old1], files: [/etc/hosts, /etc/d]}
"""
"""What the shipped files leave off."""


@dataclass(frozen=True)
class Program:
    """The options of a program as of 2014, those of them that have a value in the next word, and its verbs.

    No verbs: its operands are files, names and the like. `find`'s predicates are options too.
    """

    options: str = ""
    valued: str = ""
    verbs: str = ""

    def knows(self, option: str) -> bool:
        known = f"{self.options} {self.valued}".split()
        # getopt's bundles: -hEs is -h -E -s
        letters = re.fullmatch(r"-([A-Za-z]{2,})", option)
        return option in known or bool(letters and all(f"-{one}" in known for one in letters[1]))


ALLOWED = {
    "base64": Program("", "-w"),
    "cat": Program(),
    "cmp": Program(),
    "date": Program("-u"),
    "dd": Program(),
    "df": Program("-B1 --output"),
    # A plugin of `docker`. Its metadata is what the docker command itself asks plugins for.
    "$p": Program("", "", "docker-cli-plugin-metadata"),
    "docker-compose": Program("", "", "ps"),
    "dpkg-query": Program("--show --showformat"),
    "find": Program("-L -depth -o -prune", "-maxdepth -mindepth -name -path -printf -type"),
    "git": Program(
        "-q -s --get-regexp --porcelain --short --show-cdup --verify",
        "-c -C",
        "config ls-files rev-parse status symbolic-ref",
    ),
    "grep": Program("-E -F -H -I -R -Z -a -h -i -n -o -q -r -s -w --include", "-e -m"),
    "head": Program("", "-c -n"),
    "id": Program("-u"),
    "initctl": Program("", "", "status version"),
    "iptables-save": Program(),
    "/bin/grep": Program("-F -H", "-e"),
    "/etc/init.d/$s": Program("", "", "status"),
    "/usr/bin/openssl": Program("-enddate -noout", "-in", "x509"),
    "ps": Program("-ww", "-C -o -p"),
    "readlink": Program("-f -m"),  # of more than one operand at once: since coreutils 8.21
    "sed": Program("-n -u", "-f"),
    "stat": Program("-L --printf", "-c"),
    "systemctl": Program("", "-p", "show"),
    "timeout": Program("", "-k"),
    "tr": Program(),
    "uname": Program("-n"),
    # the shells themselves, and what is built into dash
    **dict.fromkeys(SHELLS, Program("", "-c")),
    **dict.fromkeys(
        ("break", "continue", "echo", "exit", "export", "printf", "return", "shift", "unset", "wait"), Program()
    ),
    "filtered": Program(),  # a function of the script about git trees
    "[": Program(
        "-L -d -ef -e -f -le -lt -n -r -x -z"
    ),  # -ef is not POSIX's, but dash has had it since there is a dash
    "set": Program("-f"),
    "cd": Program(),
    "command": Program("-v"),
    "pwd": Program("-P"),
    "read": Program("-r"),
}

NEWER = {
    # Since git 2.15. An older git refuses it, which is understood as unknown; without it `git status` would write.
    ("git", "--no-optional-locks"),
    # Compose v2, a plugin of `docker`, is of 2020. Where it is missing v1 is asked; where that is older than its
    # `version`, the versions are unknown.
    ("docker-compose", "version"),
    ("docker-compose", "--short"),
}
"""What is newer than 2014, each with why it may be."""

WRITERS = """
apt apt-get chattr chgrp chmod chown cp dpkg ed install kill killall ln mkdir mkfifo mknod mktemp mount mv patch
perl pkill python python3 reboot rename rm rmdir rsync setfacl shred sync tee touch truncate umount unlink vi xargs
"""

WRITING = {
    "date": "-s --set",
    "find": "-delete -execdir -fls -fprint -fprint0 -fprintf -ok -okdir",
    "/usr/bin/openssl": "-CAserial -out",
    "sed": "-i --in-place",
}
"""What would write, of programs that can."""

SHELLCHECK = {
    ("SC3013", "-ef"),  # see ALLOWED
    # The words of several lines are to become one line; they are numbers, as stat prints them.
    ("SC2086", "$rights"),
    ("SC2116", "$(echo $rights)"),
    ("SC2086", "$o"),  # likewise, with globbing off
}
"""What shellcheck says of the scripts, and of which words, that is meant to be so."""


# --- the shell's language, as far as the scripts speak it --------------------------------------------------------

TOKEN = re.compile(
    r"""
    (?P<space> [ \t]+ | \\\n )
  | (?P<define> \w+\(\) )
  | (?P<redirect> [0-9]*(?: <> | >> | >\| | [<>]&? ) )
  | (?P<end> ;; | && | \|\| | [;|&()\n`] )
  | (?P<word> (?: '[^']*' | "(?:[^"\\]|\\.)*" | \\. | \$\{[^}]*\} | \$\(\(.*?\)\) | [^\s;|&()<>`'"\\] )+ )
    """,
    re.VERBOSE,
)
KEYWORDS = {"if", "then", "elif", "else", "fi", "do", "done", "while", "until", "{", "}", "!", "esac", "exec"}
FUNCTION = re.compile(r"^(\w+)\(\) \{ ([^;|&<>`\n]*); \}$", re.MULTILINE)
"""One that fits a line stands for its one command."""


@dataclass
class Parsed:
    """The commands of a script, quotes off, and its redirections, as operator and target."""

    commands: list[tuple[str, ...]]
    redirections: list[tuple[str, str]]


class Reading:
    """Where in a script we are: "command" (a command may begin), "words" of one, "skip" (for, case), "pattern"."""

    def __init__(self) -> None:
        self.at = "command"
        self.outer: list[tuple[str, list[str]]] = []
        self.words: list[str] = []
        self.parsed = Parsed([], [])
        self.operator = ""

    def close(self) -> None:
        if self.words:
            self.parsed.commands.append(tuple(self.words))
        self.words = []

    def end(self, sign: str) -> None:
        if self.at == "pattern":
            self.at = "command" if sign == ")" else "pattern"
        elif sign == "(":
            self.outer.append((self.at, self.words))
            self.at, self.words = "command", []
        else:
            self.close()
            self.at = "pattern" if sign == ";;" else "command"
            if sign == ")":
                self.at, self.words = self.outer.pop()

    def word(self, raw: str) -> None:
        if not raw.startswith("'"):
            for inner in re.findall(r"\$\(([^()]*)\)", raw):
                self.parsed.commands += parse(inner).commands
                self.parsed.redirections += parse(inner).redirections
        plain = "".join(shlex.split(raw)) if raw[0] in "'\"" or "\\" in raw else raw
        if self.operator:
            self.parsed.redirections.append((self.operator, plain))
            self.operator = ""
        elif self.at in {"skip", "pattern"}:
            self.at = {"in": "pattern", "do": "command", "esac": "command"}.get(raw, self.at)
        elif self.at == "words":
            self.words.append(plain)
        elif raw in {"for", "case"}:
            self.at = "skip"
        elif raw not in KEYWORDS and not re.match(r"\w+=", raw):
            self.at, self.words = "words", [plain]


def parse(text: str) -> Parsed:
    """Tell the commands of a script apart; what is not understood comes out as a program that nobody allowed."""
    functions = {name: tuple(shlex.split(body)) for name, body in FUNCTION.findall(text)}
    reading, at = Reading(), 0
    text = FUNCTION.sub("", text) + "\n"
    while at < len(text):
        found = TOKEN.match(text, at)
        assert found, f"not understood: {text[at : at + 40]!r}"
        at = found.end()
        if found.lastgroup == "word":
            reading.word(found[0])
        elif found.lastgroup == "redirect":
            reading.operator = found[0].lstrip("0123456789")
        elif found.lastgroup == "end":
            reading.end(found[0])
        elif found.lastgroup == "define":
            functions[found[0][:-2]] = ()  # its commands are parsed where it is defined
    commands = reading.parsed.commands
    called = [put(functions[argv[0]], argv[1:]) if argv[0] in functions else argv for argv in commands]
    return Parsed([argv for argv in called if argv], reading.parsed.redirections)


def put(argv: tuple[str, ...], arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Put a function's or a script's arguments in the place of "$@"."""
    return tuple(word for one in argv for word in (arguments if one == "$@" else (one,)))


def scripts(argv: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Give the scripts that a command is, or runs: each with its shell."""
    for one in invocations(argv):
        if one[0] in SHELLS:
            yield one[0], one[2]


def invocations(argv: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Give a command, and all commands that run for it, each without those that it runs."""
    if argv[0] == "find" and "-exec" in argv:
        start = argv.index("-exec")
        end = next(n for n, word in enumerate(argv) if n > start and word in {";", "+"})
        yield from invocations(argv[start + 1 : end])
        yield from invocations((*argv[:start], *argv[end + 1 :]))
    elif argv[0] == "timeout" and argv[4:]:
        yield argv[:4]
        yield from invocations(argv[4:])
    elif argv[0] in SHELLS:
        yield argv[:3]
        for one in parse(argv[2]).commands:
            yield from invocations(put(one, argv[4:]))
    else:
        yield argv


def strange(argv: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Give what is not in the list of one invocation: the program, and its option or verb."""
    name, words, operands = argv[0], iter(argv[1:]), list[str]()
    program = ALLOWED.get(name)
    if not program:
        yield name, ""
        return
    for word in words:
        if word == "--":
            break
        option, _, _ = word.partition("=")
        if not re.match("-.", word):
            operands.append(word)
        elif option in program.valued.split():
            next(words, None)
        elif not program.knows(option):
            yield name, option
    if program.verbs and not {*operands[:1]} <= {*program.verbs.split()}:
        yield name, operands[0]
    yield from ((name, word) for word in operands if name == "dd" and word.startswith("of="))


# --- what must hold ----------------------------------------------------------------------------------------------


def asked(host: HostSpec) -> tuple[Command, ...]:
    return tuple(probe for probe in plan(host, CHECKERS, select_checks(CHECKERS)) if isinstance(probe, Command))


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> tuple[HostSpec, ...]:
    """Give the shipped hosts, and one of which everything is expected that the shipped files leave off."""
    more = tmp_path_factory.mktemp("more")
    (more / "hosts").mkdir()
    (more / "fleet.yaml").write_text("name: toys\ndomain: example.org\n")
    (more / "hosts" / "h.yaml").write_text(MORE)
    return tuple(host for folder in (EXPECTED, more) for host in load(folder, CHECKERS).hosts.values())


@pytest.fixture(scope="module")
def probes(hosts: tuple[HostSpec, ...]) -> tuple[Command, ...]:
    """Give every command that any host is asked, once."""
    return tuple(dict.fromkeys(probe for host in hosts for probe in asked(host)))


@pytest.fixture(scope="module")
def batch() -> tuple[str, str]:
    """Give the batch around the commands as a script of its own."""
    return "sh", script([Command(("uname", "-n"), sudo=True), Command(("uname", "-n"), may_hang=True)], MARKER)


def shellcheck(shell: str, text: str, *but: str) -> set[tuple[str, str]]:
    """Give what shellcheck says, as its code and the words that it is about."""
    how = ("shellcheck", "-s", shell, "-f", "json", *(word for code in but for word in ("-e", code)), "-")
    done = subprocess.run(how, input=text, capture_output=True, text=True, check=False, timeout=60)
    lines = text.split("\n")
    said = json.loads(done.stdout)
    return {(f"SC{one['code']}", lines[one["line"] - 1][one["column"] - 1 : one["endColumn"] - 1]) for one in said}


def test_commands_and_options_are_those_of_2014_but_for_the_exceptions_which_are_all_in_use(
    probes: tuple[Command, ...], batch: tuple[str, str]
) -> None:
    around = (batch[0], "-c", batch[1])
    found = {
        odd
        for argv in (around, *(one.argv for one in probes))
        for one in invocations(argv)
        for odd in strange(one)
    }
    assert found == NEWER


def test_every_command_that_the_host_of_all_sections_adds_is_seen(probes: tuple[Command, ...]) -> None:
    words = {(one.argv[0], word) for one in probes for word in one.argv}
    assert words >= {("stat", "/a"), ("cmp", "/b"), ("find", "*.x"), ("find", ".*"), ("grep", "old1")}


def test_nothing_that_is_allowed_can_write() -> None:
    assert {name.rpartition("/")[2] for name in ALLOWED} & {*WRITERS.split()} == set()
    for name, options in WRITING.items():
        assert not any(ALLOWED[name].knows(option) for option in options.split()), name


def test_scripts_write_to_nothing_but_descriptors_and_one_socket(
    probes: tuple[Command, ...], batch: tuple[str, str]
) -> None:
    texts = {batch, *(found for one in probes for found in scripts(one.argv))}
    redirections = {one for _, text in texts for one in parse(text).redirections}
    assert {operator for operator, _ in redirections} <= {"<", "<&", ">", ">&", "<>"}
    assert {target for operator, target in redirections if operator == ">"} <= {"/dev/null"}
    assert all(re.fullmatch("[0-9]|-", target) for operator, target in redirections if operator == ">&")
    # bash's own way to connect: memcached is asked for its settings through it
    assert {target for operator, target in redirections if operator == "<>"} <= {"/dev/tcp/$1/$2"}


def test_scripts_pass_shellcheck(probes: tuple[Command, ...]) -> None:
    texts = {found for one in probes for found in scripts(one.argv)}
    assert {shell for shell, _ in texts} == {"sh", "bash"}
    assert {said for shell, text in texts for said in shellcheck(shell, text)} == SHELLCHECK


def test_what_runs_by_sudo_is_a_plain_program_that_runs_no_shell(probes: tuple[Command, ...]) -> None:
    by_root = [probe.argv for probe in probes if probe.sudo]
    assert by_root
    for argv in by_root:
        assert not {one[0].rpartition("/")[2] for one in invocations(argv)} & {*SHELLS, "env", "xargs"}, argv


def test_the_whole_batch_of_every_host_is_a_small_posix_script(hosts: tuple[HostSpec, ...]) -> None:
    for host in hosts:
        text = script(asked(host), MARKER)
        assert len(text.encode()) < 64 << 10, host.name
        # SC2016: that nothing is expanded inside the quotes of a command is just what is wanted
        # $S is sudo and its options, or nothing at all
        assert shellcheck("sh", text, "SC2016") <= {("SC2086", "$S")}, host.name


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("rm -r x", ("rm", "")),
        ("a=$(rm x)", ("rm", "")),
        ('echo "a $(rm x)"', ("rm", "")),
        ("case $x in a) : ;; b | c) rm x ;; esac", ("rm", "")),
        ("if ! rm x; then exit 1; fi", ("rm", "")),
        ('f() { rm "$@"; }\nf x', ("rm", "")),
        ("find . -exec sh -c 'for f do rm $f; done' sh {} +", ("rm", "")),
        ("find . -delete", ("find", "-delete")),
        ("sed -i s/a/b/ x", ("sed", "-i")),
        ("dd if=a of=b", ("dd", "of=b")),
        ("git -C x checkout", ("git", "checkout")),
    ],
)
def test_what_is_not_allowed_is_found_wherever_a_script_hides_it(text: str, odd: tuple[str, str]) -> None:
    assert odd in {found for one in invocations(("sh", "-c", text)) for found in strange(one)}
