"""The web configuration: TLS and users, in the format that Prometheus' own exporters read.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from olaudit.errors import UsageError
from olaudit.expected.messages import suggest
from olaudit.files import read_regular
from olaudit.serve.hosts import certificate_names

_VERSIONS: Mapping[str, ssl.TLSVersion] = MappingProxyType(
    {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
)
_CLIENTS: Mapping[str, ssl.VerifyMode] = MappingProxyType(
    {
        "NoClientCert": ssl.CERT_NONE,
        "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
        "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
    }
)
_BCRYPT = Annotated[str, Field(pattern=r"^\$2[aby]\$(0[4-9]|1\d|2\d|3[01])\$[./A-Za-z0-9]{53}$")]


def _user(name: str) -> str:
    if ":" in name or not name:
        raise ValueError("a user's name is not empty, and has no colon")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Tls(_Part):
    cert_file: str
    key_file: str
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = (
        "NoClientCert"
    )
    client_ca_file: str = ""
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"

    @model_validator(mode="after")
    def _whole(self) -> _Tls:
        if self.client_auth_type != "NoClientCert" and not self.client_ca_file:
            raise ValueError(f"client_auth_type {self.client_auth_type} needs a client_ca_file")
        if self.client_ca_file and self.client_auth_type == "NoClientCert":
            raise ValueError("client_ca_file has no use without a client_auth_type that verifies")
        return self


class _Http(_Part):
    http2: bool = True
    """Read, and without effect: HTTP/1.1 is spoken, which every client of HTTP/2 does too."""


class _File(_Part):
    tls_server_config: _Tls | None = None
    http_server_config: _Http = _Http()
    basic_auth_users: dict[Annotated[str, AfterValidator(_user)], _BCRYPT] = Field(default_factory=dict)


_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "": tuple(_File.model_fields),
        "tls_server_config": tuple(_Tls.model_fields),
        "http_server_config": tuple(_Http.model_fields),
    }
)


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What the file says: users with their bcrypt hashes, and TLS; `files` are those it rests on.

    `names` are the host names in the certificate,
    `chain` is the certificate and its key. `rules` are the rest of what TLS asks for, in some form to compare.
    """

    users: Mapping[str, str]
    tls: ssl.SSLContext | None
    chain: tuple[Path, Path] | None
    files: tuple[Path, ...]
    rules: tuple[object, ...] = ()
    names: tuple[str, ...] = ()

    def take_over(self, newer: WebConfig) -> WebConfig:
        """Show the certificate of `newer` from the next connection on; give what holds then.

        Raises UsageError where that is not all there is to change: open connections and a server that listens keep
        to the old rules, and nobody may believe that new ones hold.
        """
        if (self.tls is None) != (newer.tls is None):
            raise UsageError("TLS is switched on or off by a restart only: it stays as it is")
        if self.rules != newer.rules:
            raise UsageError("TLS versions and clients' certificates change by a restart only: all stays as it is")
        if self.users and not newer.users:  # a file that is written anew is empty for a moment
            raise UsageError("that no user is asked for any more is taken over by a restart only")
        if self.tls and newer.chain:
            try:
                self.tls.load_cert_chain(*newer.chain, password="")
            except (ssl.SSLError, OSError, ValueError) as error:
                raise UsageError(f"the certificate changed while it was read: {_said(error)}") from None
        return replace(newer, tls=self.tls)  # the server goes on with the context that it was given


OPEN = WebConfig(MappingProxyType({}), None, None, ())
"""No users and no TLS: for loopback, or behind something that has both."""


def read(file: Path) -> WebConfig:
    """Read a web configuration; paths in it are relative to its folder. Raises UsageError for what is wrong."""
    try:
        content = read_regular(file)
        _refuse_bombs(content)
        said = yaml.safe_load(content)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise UsageError(f"{file}: it is nested too deep") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: this is not YAML: {' '.join(str(error).split())}") from None
    try:
        config = _File.model_validate({} if said is None else said)
    except ValidationError as error:
        raise UsageError(f"{file}: {_first(error)}") from None
    tls = config.tls_server_config
    if tls is None:
        return WebConfig(config.basic_auth_users, None, None, (file,))
    certificate, key, *authority = (
        file.parent / name for name in (tls.cert_file, tls.key_file, tls.client_ca_file) if name
    )
    context = _context(file, tls)
    rules = (tls.client_auth_type, tls.min_version, tls.max_version, context.get_ca_certs(binary_form=True))
    files = (file, certificate, key, *authority)
    names = certificate_names(read_regular(certificate))
    return WebConfig(config.basic_auth_users, context, (certificate, key), files, rules, names)


_DEEPEST = 32


def _refuse_bombs(content: bytes) -> None:
    """Raise YAMLError for an alias, which can multiply a small file without bound, and for deep nesting.

    The parser of PyYAML takes time in the square of the nesting.
    """
    depth = 0
    for event in yaml.parse(content, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.YAMLError(f"it is nested more than {_DEEPEST} levels deep")
        if isinstance(event, yaml.AliasEvent):
            line = getattr(event.start_mark, "line", 0) + 1
            raise yaml.YAMLError(f"aliases are not supported (line {line}): write the value out")


def _context(file: Path, tls: _Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    certificate, key = file.parent / tls.cert_file, file.parent / tls.key_file
    for path in (certificate, key):
        _readable(file, path)
    try:
        # a password would be asked for on the terminal: there is none to ask
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        raise UsageError(
            f"{file}: {certificate} and {key} are no certificate and its key: {_said(error)}"
        ) from None
    if tls.client_ca_file:
        authority = file.parent / tls.client_ca_file
        _readable(file, authority)
        try:
            context.load_verify_locations(authority)
        except (ssl.SSLError, OSError) as error:
            raise UsageError(f"{file}: {authority} holds no certificates: {_said(error)}") from None
        context.verify_mode = _CLIENTS[tls.client_auth_type]
    return context


def _readable(file: Path, path: Path) -> None:
    try:
        read_regular(path)
    except OSError as error:
        raise UsageError(f"{file}: {path} cannot be read: {error.strerror}") from None


def _said(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _first(error: ValidationError) -> str:
    """Say the first thing that is wrong, and where."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "[key]")
    match first["type"]:
        case "model_type" | "dict_type":
            return f"{where or 'this file'}: this must be a mapping of keys to values"
        case "extra_forbidden":
            parent, key = first["loc"][:-1], str(first["loc"][-1])
            known = _KEYS.get(".".join(map(str, parent)), ())
            return f"{where}: this key is not known{suggest(key, known)}"
        case "string_pattern_mismatch":
            return f"{where}: this is no bcrypt hash: `htpasswd -nBC 10 USER` makes one"
        case "missing":
            return f"{where}: this is missing"
        case "value_error":
            return f"{where}: {first['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{where + ': ' if where else ''}{first['msg']}"
