"""Tests of all commands against a list of programs and options of 2014: they run on old hosts, and none can write.

The list is that of Ubuntu 14.04: dash, coreutils 8.21, findutils 4.4.2, grep 2.16, sed 4.2, procps 3.3.9, iptables
1.4.21, dpkg 1.17, bash 4.3, openssl 1.0.1, git 1.9, systemd 204, upstart 1.12. It holds only the options in use,
so an option that is not in it may still be older.
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
from olaudit.transport.batch import build_script

EXPECTED = Path(__file__).parents[1] / "expected"
MARKER = "f" * 32
SHELLS = ("sh", "bash")

ALL_SECTIONS = """\
host: h
paths:
  /a: {type: file, owner: root, group: root, mode: "0644", content: {equals: /b}}
  /c: {presence: forbidden}
  /d/*.x: {mode: "0600"}
  /d/.*: {presence: forbidden}
dns: {name: h.example.org, address: audited}
retired_names: {names: [old0, old1], files: [/etc/hosts, /etc/d]}
"""
"""A host file with the sections and keys that the shipped files do not use."""


@dataclass(frozen=True)
class Program:
    """The options of a program as of 2014, its options with a value in the next word, and its subcommands.

    Without `verbs`, the operands are files, names and the like. Predicates of `find` are options too.
    """

    options: str = ""
    valued: str = ""
    verbs: str = ""

    def knows(self, option: str) -> bool:
        options = f"{self.options} {self.valued}".split()
        # options bundled by getopt: -hEs is -h -E -s
        letters = re.fullmatch(r"-([A-Za-z]{2,})", option)
        return option in options or bool(letters and all(f"-{letter}" in options for letter in letters[1]))


ALLOWED = {
    "base64": Program("", "-w"),
    "cat": Program(),
    "cmp": Program(),
    "date": Program("-u"),
    "dd": Program(),
    "df": Program("-B1 --output"),
    # a plugin of `docker`: the docker command itself asks plugins for this metadata
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
    # the shells, and the builtins of dash
    **dict.fromkeys(SHELLS, Program("", "-c")),
    **dict.fromkeys(
        ("break", "continue", "echo", "exit", "export", "printf", "return", "shift", "unset", "wait"), Program()
    ),
    "filtered": Program(),  # a function of the script for git trees
    "[": Program("-L -d -ef -e -f -le -lt -n -r -x -z"),  # -ef is not POSIX, but every version of dash has it
    "set": Program("-f"),
    "cd": Program(),
    "command": Program("-v"),
    "pwd": Program("-P"),
    "read": Program("-r"),
}

NEWER = {
    # Since git 2.15. An older git rejects it, and the check is unknown; without it `git status` would write.
    ("git", "--no-optional-locks"),
    # Compose v2, a plugin of `docker`, is of 2020. Without it, v1 is run; a v1 that is older than its `version`
    # makes the versions unknown.
    ("docker-compose", "version"),
    ("docker-compose", "--short"),
}
"""Programs, options and subcommands newer than 2014, each with the reason why it is allowed."""

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
"""Options that write files, of allowed programs."""

SHELLCHECK = {
    ("SC3013", "-ef"),  # see ALLOWED
    # Word splitting joins several lines into one; the words are numbers that stat prints.
    ("SC2086", "$rights"),
    ("SC2116", "$(echo $rights)"),
    ("SC2086", "$o"),  # as above, with globbing off
}
"""Intended findings of shellcheck: the code, and the words of the script."""


# --- a parser of the shell language that the scripts use ---------------------------------------------------------

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
"""A function on one line, which is replaced by its only command."""


@dataclass
class ParsedScript:
    """The commands of a script without quotes, and its redirections as operator and target."""

    commands: list[tuple[str, ...]]
    redirections: list[tuple[str, str]]


class ScriptParser:
    """Parser of one script. `state`: "command" (one may begin), "words" of one, "skip" (for, case), "pattern"."""

    def __init__(self) -> None:
        self.state = "command"
        self.outer: list[tuple[str, list[str]]] = []
        self.words: list[str] = []
        self.parsed = ParsedScript([], [])
        self.operator = ""

    def end_command(self) -> None:
        if self.words:
            self.parsed.commands.append(tuple(self.words))
        self.words = []

    def add_separator(self, sign: str) -> None:
        if self.state == "pattern":
            self.state = "command" if sign == ")" else "pattern"
        elif sign == "(":
            self.outer.append((self.state, self.words))
            self.state, self.words = "command", []
        else:
            self.end_command()
            self.state = "pattern" if sign == ";;" else "command"
            if sign == ")":
                self.state, self.words = self.outer.pop()

    def add_word(self, raw: str) -> None:
        if not raw.startswith("'"):
            for inner in re.findall(r"\$\(([^()]*)\)", raw):
                self.parsed.commands += parse(inner).commands
                self.parsed.redirections += parse(inner).redirections
        plain = "".join(shlex.split(raw)) if raw[0] in "'\"" or "\\" in raw else raw
        if self.operator:
            self.parsed.redirections.append((self.operator, plain))
            self.operator = ""
        elif self.state in {"skip", "pattern"}:
            self.state = {"in": "pattern", "do": "command", "esac": "command"}.get(raw, self.state)
        elif self.state == "words":
            self.words.append(plain)
        elif raw in {"for", "case"}:
            self.state = "skip"
        elif raw not in KEYWORDS and not re.match(r"\w+=", raw):
            self.state, self.words = "words", [plain]


def parse(text: str) -> ParsedScript:
    """Parse a script into commands; a construct that is misparsed appears as a program that is not allowed."""
    functions = {name: tuple(shlex.split(body)) for name, body in FUNCTION.findall(text)}
    parser, position = ScriptParser(), 0
    text = FUNCTION.sub("", text) + "\n"
    while position < len(text):
        token = TOKEN.match(text, position)
        assert token, f"cannot parse: {text[position : position + 40]!r}"
        position = token.end()
        if token.lastgroup == "word":
            parser.add_word(token[0])
        elif token.lastgroup == "redirect":
            parser.operator = token[0].lstrip("0123456789")
        elif token.lastgroup == "end":
            parser.add_separator(token[0])
        elif token.lastgroup == "define":
            functions[token[0][:-2]] = ()  # its commands are parsed where it is defined
    commands = parser.parsed.commands
    expanded = [
        substitute_arguments(functions[argv[0]], argv[1:]) if argv[0] in functions else argv for argv in commands
    ]
    return ParsedScript([argv for argv in expanded if argv], parser.parsed.redirections)


def substitute_arguments(argv: tuple[str, ...], arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Replace "$@" with the arguments of a function or a script."""
    return tuple(new for word in argv for new in (arguments if word == "$@" else (word,)))


def scripts(argv: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the shell and the text of every script that a command runs."""
    for invocation in invocations(argv):
        if invocation[0] in SHELLS:
            yield invocation[0], invocation[2]


def invocations(argv: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield a command and all commands that it runs, each without the commands that it runs."""
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
        for command in parse(argv[2]).commands:
            yield from invocations(substitute_arguments(command, argv[4:]))
    else:
        yield argv


def not_allowed(argv: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield what ALLOWED lacks of one invocation: the program, and its option or subcommand."""
    name, arguments, operands = argv[0], iter(argv[1:]), list[str]()
    program = ALLOWED.get(name)
    if not program:
        yield name, ""
        return
    for word in arguments:
        if word == "--":
            break
        option, _, _ = word.partition("=")
        if not re.match("-.", word):
            operands.append(word)
        elif option in program.valued.split():
            next(arguments, None)
        elif not program.knows(option):
            yield name, option
    if program.verbs and not {*operands[:1]} <= {*program.verbs.split()}:
        yield name, operands[0]
    yield from ((name, word) for word in operands if name == "dd" and word.startswith("of="))


# --- tests -------------------------------------------------------------------------------------------------------


def commands_of(host: HostSpec) -> tuple[Command, ...]:
    return tuple(probe for probe in plan(host, CHECKERS, select_checks(CHECKERS)) if isinstance(probe, Command))


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> tuple[HostSpec, ...]:
    """Return the shipped hosts, and a host with the sections that the shipped files do not use."""
    extra = tmp_path_factory.mktemp("extra")
    (extra / "hosts").mkdir()
    (extra / "fleet.yaml").write_text("name: toys\ndomain: example.org\n")
    (extra / "hosts" / "h.yaml").write_text(ALL_SECTIONS)
    return tuple(host for folder in (EXPECTED, extra) for host in load(folder, CHECKERS).hosts.values())


@pytest.fixture(scope="module")
def probes(hosts: tuple[HostSpec, ...]) -> tuple[Command, ...]:
    """Return every command of all hosts once."""
    return tuple(dict.fromkeys(probe for host in hosts for probe in commands_of(host)))


@pytest.fixture(scope="module")
def batch() -> tuple[str, str]:
    """Return the shell and the text of the batch script that runs the commands."""
    return "sh", build_script(
        [Command(("uname", "-n"), sudo=True), Command(("uname", "-n"), may_hang=True)], MARKER
    )


def shellcheck(shell: str, text: str, *excluded: str) -> set[tuple[str, str]]:
    """Run shellcheck, and return the code and the words of each of its findings."""
    argv = ("shellcheck", "-s", shell, "-f", "json", *(word for code in excluded for word in ("-e", code)), "-")
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=60)
    lines = text.split("\n")
    return {
        (f"SC{finding['code']}", lines[finding["line"] - 1][finding["column"] - 1 : finding["endColumn"] - 1])
        for finding in json.loads(done.stdout)
    }


def test_commands_and_options_are_of_2014_except_those_in_newer(
    probes: tuple[Command, ...], batch: tuple[str, str]
) -> None:
    batch_command = (batch[0], "-c", batch[1])
    newer = {
        missing
        for argv in (batch_command, *(probe.argv for probe in probes))
        for invocation in invocations(argv)
        for missing in not_allowed(invocation)
    }
    assert newer == NEWER


def test_commands_of_the_extra_host_are_included(probes: tuple[Command, ...]) -> None:
    arguments = {(probe.argv[0], argument) for probe in probes for argument in probe.argv}
    assert arguments >= {("stat", "/a"), ("cmp", "/b"), ("find", "*.x"), ("find", ".*"), ("grep", "old1")}


def test_no_allowed_program_or_option_can_write() -> None:
    assert {name.rpartition("/")[2] for name in ALLOWED} & {*WRITERS.split()} == set()
    for name, options in WRITING.items():
        assert not any(ALLOWED[name].knows(option) for option in options.split()), name


def test_scripts_redirect_only_to_descriptors_and_one_socket(
    probes: tuple[Command, ...], batch: tuple[str, str]
) -> None:
    texts = {batch, *(shell_and_text for probe in probes for shell_and_text in scripts(probe.argv))}
    redirections = {redirection for _, text in texts for redirection in parse(text).redirections}
    assert {operator for operator, _ in redirections} <= {"<", "<&", ">", ">&", "<>"}
    assert {target for operator, target in redirections if operator == ">"} <= {"/dev/null"}
    assert all(re.fullmatch("[0-9]|-", target) for operator, target in redirections if operator == ">&")
    # how bash opens a TCP connection: the probe of memcached's settings uses it
    assert {target for operator, target in redirections if operator == "<>"} <= {"/dev/tcp/$1/$2"}


def test_scripts_pass_shellcheck(probes: tuple[Command, ...]) -> None:
    texts = {shell_and_text for probe in probes for shell_and_text in scripts(probe.argv)}
    assert {shell for shell, _ in texts} == {"sh", "bash"}
    assert {finding for shell, text in texts for finding in shellcheck(shell, text)} == SHELLCHECK


def test_commands_with_sudo_run_no_shell(probes: tuple[Command, ...]) -> None:
    with_sudo = [probe.argv for probe in probes if probe.sudo]
    assert with_sudo
    for argv in with_sudo:
        programs = {invocation[0].rpartition("/")[2] for invocation in invocations(argv)}
        assert not programs & {*SHELLS, "env", "xargs"}, argv


def test_batch_of_every_host_is_a_small_posix_script(hosts: tuple[HostSpec, ...]) -> None:
    for host in hosts:
        text = build_script(commands_of(host), MARKER)
        assert len(text.encode()) < 64 << 10, host.name
        # SC2016: quoted commands must not be expanded
        # $S is sudo and its options, or empty
        assert shellcheck("sh", text, "SC2016") <= {("SC2086", "$S")}, host.name


@pytest.mark.parametrize(
    ("text", "forbidden"),
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
def test_parser_detects_forbidden_commands(text: str, forbidden: tuple[str, str]) -> None:
    detected = {missing for invocation in invocations(("sh", "-c", text)) for missing in not_allowed(invocation)}
    assert forbidden in detected
