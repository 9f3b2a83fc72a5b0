"""The web configuration: TLS and users, in the format of the Prometheus exporters.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from olaudit.errors import UsageError
from olaudit.expected.messages import suggest
from olaudit.files import read_regular

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_BcryptHash = Annotated[str, Field(pattern=r"^\$2[aby]\$(0[4-9]|1\d|2\d|3[01])\$[./A-Za-z0-9]{53}$")]


def _check_user_name(name: str) -> str:
    if ":" in name or not name:
        raise ValueError("a user name must not be empty or contain a colon")
    return name


class _StrictModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _TlsModel(_StrictModel):
    cert_file: str
    key_file: str
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = (
        "NoClientCert"
    )
    client_ca_file: str = ""
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"

    @model_validator(mode="after")
    def _check_client_ca(self) -> Self:
        if self.client_auth_type != "NoClientCert" and not self.client_ca_file:
            raise ValueError(f"client_auth_type {self.client_auth_type} requires client_ca_file")
        if self.client_ca_file and self.client_auth_type == "NoClientCert":
            raise ValueError("client_ca_file requires a client_auth_type that verifies certificates")
        return self


class _HttpModel(_StrictModel):
    http2: bool = True
    """Accepted without effect: the server supports HTTP/1.1 only, which every HTTP/2 client supports too."""


class _WebConfigModel(_StrictModel):
    tls_server_config: _TlsModel | None = None
    http_server_config: _HttpModel = _HttpModel()
    basic_auth_users: dict[Annotated[str, AfterValidator(_check_user_name)], _BcryptHash] = Field(
        default_factory=dict
    )


_KEYS = {
    "": tuple(_WebConfigModel.model_fields),
    "tls_server_config": tuple(_TlsModel.model_fields),
    "http_server_config": tuple(_HttpModel.model_fields),
}


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A loaded web configuration.

    `users` maps names to bcrypt hashes, `chain` is the certificate and its key. `files` are all files that were
    read. `tls_settings` are the other TLS settings, in a form that can be compared. `names` are the host names in
    the certificate.
    """

    users: Mapping[str, str]
    tls: ssl.SSLContext | None
    chain: tuple[Path, Path] | None
    files: tuple[Path, ...]
    tls_settings: tuple[object, ...] = ()
    names: tuple[str, ...] = ()

    def update(self, newer: "WebConfig") -> "WebConfig":
        """Use the certificate of `newer` for new connections; return the configuration that is then in effect.

        Raises UsageError if `newer` requires a restart: other settings cannot change while the server listens, and
        must not appear to have changed.
        """
        restart = "only by a restart: the previous configuration remains in use"
        if (self.tls is None) != (newer.tls is None):
            raise UsageError(f"TLS can be enabled or disabled {restart}")
        if self.tls_settings != newer.tls_settings:
            raise UsageError(f"TLS versions and client authentication can be changed {restart}")
        if self.users and not newer.users:  # a file is empty for a moment while it is rewritten
            raise UsageError(f"all users can be removed {restart}")
        if self.tls and newer.chain:
            try:
                self.tls.load_cert_chain(*newer.chain, password="")
            except (ssl.SSLError, OSError, ValueError) as error:
                raise UsageError(f"the certificate changed while it was read: {_error_text(error)}") from None
        return replace(newer, tls=self.tls)  # the server keeps using its context


NO_WEB_CONFIG = WebConfig(MappingProxyType({}), None, None, ())
"""No users and no TLS: for loopback, or behind a reverse proxy that provides both."""


def read_web_config(file: Path) -> WebConfig:
    """Read a web configuration; paths in it are relative to its folder. Raises UsageError if it is not valid."""
    try:
        content = read_regular(file)
        _reject_bombs(content)
        settings = yaml.safe_load(content)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise UsageError(f"{file}: nested too deeply") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not valid YAML: {' '.join(str(error).split())}") from None
    try:
        config = _WebConfigModel.model_validate({} if settings is None else settings)
    except ValidationError as error:
        raise UsageError(f"{file}: {_first_error(error)}") from None
    tls = config.tls_server_config
    if tls is None:
        return WebConfig(config.basic_auth_users, None, None, (file,))
    names = (tls.cert_file, tls.key_file, tls.client_ca_file)
    certificate, key, *_ = files = [file.parent / name for name in names if name]
    context = _context(file, tls, files)
    tls_settings = (tls.client_auth_type, tls.min_version, tls.max_version, context.get_ca_certs(binary_form=True))
    return WebConfig(
        config.basic_auth_users,
        context,
        (certificate, key),
        (file, *files),
        tls_settings,
        certificate_names(read_regular(certificate)),
    )


_MAX_DEPTH = 32


def _reject_bombs(content: bytes) -> None:
    """Raise YAMLError for an alias, which can expand a small file without limit, and for deep nesting.

    PyYAML's parser takes time quadratic in the nesting depth.
    """
    depth = 0
    for event in yaml.parse(content, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"nested more than {_MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            line = getattr(event.start_mark, "line", 0) + 1
            raise yaml.YAMLError(f"aliases are not supported (line {line}): write out the value")


def _context(file: Path, tls: _TlsModel, files: Sequence[Path]) -> ssl.SSLContext:
    """Build the context from a certificate, its key and the authorities. Raises UsageError if one is not valid."""
    for path in files:
        try:
            read_regular(path)
        except OSError as error:
            raise UsageError(f"{file}: {path} cannot be read: {error.strerror}") from None
    certificate, key, *authority = files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    problem = f"{certificate} and {key} are not a certificate and its key"
    try:
        # without a password, OpenSSL would prompt for it on the terminal
        context.load_cert_chain(certificate, key, password="")
        for path in authority:
            problem = f"{path} contains no certificates"
            context.load_verify_locations(path)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise UsageError(f"{file}: {problem}: {_error_text(error)}") from None
    context.verify_mode = _CLIENT_AUTH[tls.client_auth_type]
    return context


def certificate_names(pem: bytes) -> tuple[str, ...]:
    """Return the host names in a certificate (PEM); empty if it has none, or cannot be parsed."""
    from cryptography import x509  # noqa: PLC0415 - only where TLS is used

    try:
        extensions = x509.load_pem_x509_certificate(pem).extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(names.get_values_for_type(x509.DNSName))
    except (ValueError, x509.ExtensionNotFound):
        return ()


def _error_text(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _first_error(error: ValidationError) -> str:
    """Format the first validation error, with the path of its key."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "[key]")
    match first["type"]:
        case "model_type" | "dict_type":
            return f"{where or 'this file'}: must be a mapping of keys to values"
        case "extra_forbidden":
            parent, key = first["loc"][:-1], str(first["loc"][-1])
            known_keys = _KEYS.get(".".join(map(str, parent)), ())
            return f"{where}: unknown key{suggest(key, known_keys)}"
        case "string_pattern_mismatch":
            return f"{where}: not a bcrypt hash: create one with `htpasswd -nBC 10 USER`"
        case "missing":
            return f"{where}: missing"
        case "value_error":
            return f"{where}: {first['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{where + ': ' if where else ''}{first['msg']}"
