"""What `trowamp` is told before and after the name of a command: which router, who we are, how to print.

Every option stands before the command (`trowamp --url U call X`), or after it (`trowamp call X --url U`), or in a variable `TROWAMP_...`; what
stands last counts, and a variable counts least.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from .._uri_pattern import is_uri
from .._url import parse_url
from ..wire import DEFAULT_OFFER
from ._output import FORMATS, notice
from ._values import content_of

Check = Callable[[click.Context, click.Parameter, Any], Any]

DEFAULT_URL: Final = "ws://127.0.0.1:8080/ws"
DEFAULT_REALM: Final = "realm1"


class Settings:
    """The options that commands share, as they were given.

    Attributes:
        explicit: The names of those that were given on the command line, not in a variable.
    """

    def __init__(self) -> None:
        self.url = DEFAULT_URL
        self.realm = DEFAULT_REALM
        self.authid: str | None = None
        self.authrole: str | None = None
        self.ticket: str | None = None
        self.secret: str | None = None
        self.password: str | None = None
        self.private_key: str | bytes | None = None
        self.serializer: str | None = None
        self.cafile: Path | None = None
        self.cert: Path | None = None
        self.key: Path | None = None
        self.insecure = False
        self.proxy: str | None = None
        self.output = "text"
        self.quiet = False
        self.verbose = 0
        self.explicit: set[str] = set()

    def configure_logging(self) -> None:
        """Send the log to standard error: warnings and errors, or what `-q` and `-v` ask for."""
        levels = {0: logging.WARNING, 1: logging.INFO}
        level = logging.ERROR if self.quiet else levels.get(self.verbose, logging.DEBUG)
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        log = logging.getLogger("trowamp")
        log.addHandler(handler)
        log.setLevel(level)


def _url(_: click.Context, __: click.Parameter, value: str) -> str:
    """Refuse what is no URL of a router."""
    try:
        return parse_url(value).text
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _realm(_: click.Context, __: click.Parameter, value: str) -> str:
    """Refuse what is no URI, as the name of a realm has to be one."""
    if not is_uri(value):
        raise click.BadParameter(f"{value!r} is not a legal realm: it has to be a URI")
    return value


def _names_a_file(context: click.Context, parameter: click.Parameter, value: str) -> bool:
    """Say whether a secret is in a file that `@` names; warn of one that everybody on the machine can see."""
    if context.get_parameter_source(str(parameter.name)) is not ParameterSource.COMMANDLINE:
        return False
    if not value.startswith("@"):
        flag = parameter.opts[0]
        notice(f"warning: others can see what stands on the command line: use {flag} @FILE or the variable")
        return False
    return True


def _secret(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Read a secret."""
    if not _names_a_file(context, parameter, value):
        return value
    try:
        content = content_of(value[1:])
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if isinstance(content, bytes):
        raise click.BadParameter(f"{value[1:]} is not UTF-8")
    return content.removesuffix("\n").removesuffix("\r")


def _private_key(context: click.Context, parameter: click.Parameter, value: str) -> str | bytes:
    """Read a private key, which may be octets."""
    if not _names_a_file(context, parameter, value):
        return value
    try:
        return Path(value[1:]).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"cannot read {value[1:]}: {error.strerror}") from error


class SharedOption(click.Option):
    """An option that several commands have in common: its value goes to the `Settings`, unless it was not given.

    Args:
        declarations: As click takes them.
        variable: The environment variable that gives it, if any.
        check: Refuses or converts a value, as a callback of click does.
        sets: The attribute of the `Settings`, if it is not the option's name.
        attributes: What click takes.
    """

    def __init__(
        self,
        declarations: Iterable[str],
        *,
        variable: str | None = None,
        check: Check | None = None,
        sets: str | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(
            list(declarations),
            expose_value=False,
            callback=self._keep,
            envvar=variable,
            show_envvar=variable is not None,
            **attributes,
        )
        self._check = check
        self._sets = sets

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """Name what the value came from: the variable, or the option."""
        if ctx is None or ctx.get_parameter_source(str(self.name)) is ParameterSource.ENVIRONMENT:
            return super().get_error_hint(ctx)
        return click.Parameter.get_error_hint(self, ctx)

    def _keep(self, context: click.Context, parameter: click.Parameter, value: Any) -> None:
        source = context.get_parameter_source(str(self.name))
        if source in (None, ParameterSource.DEFAULT) or context.resilient_parsing:
            return  # what an earlier place said stays
        settings = context.ensure_object(Settings)
        field = self._sets or str(self.name)
        setattr(settings, field, value if self._check is None else self._check(context, parameter, value))
        if source is ParameterSource.COMMANDLINE:
            settings.explicit.add(field)


FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)

# name -> declarations, attributes; the variable is TROWAMP_ and the name in capitals
_OPTIONS: Final[dict[str, tuple[tuple[str, ...], dict[str, Any]]]] = {
    "url": (("--url",), {"metavar": "URL", "check": _url, "help": f"The router. Default: {DEFAULT_URL}"}),
    "realm": (
        ("--realm",),
        {"metavar": "REALM", "check": _realm, "help": f"The realm to join. Default: {DEFAULT_REALM}"},
    ),
    "authid": (("--authid",), {"metavar": "ID", "help": "The identity to claim."}),
    "authrole": (("--authrole",), {"metavar": "ROLE", "help": "The role to ask for."}),
    "ticket": (
        ("--ticket",),
        {"metavar": "@FILE", "check": _secret, "help": "Authenticate --authid with the ticket in a file."},
    ),
    "secret": (
        ("--secret",),
        {"metavar": "@FILE", "check": _secret, "help": "Authenticate --authid by WAMP-CRA with the secret in a file."},
    ),
    "password": (
        ("--password",),
        {"metavar": "@FILE", "check": _secret, "help": "Authenticate --authid by SCRAM with the password in a file."},
    ),
    "private_key": (
        ("--private-key",),
        {"metavar": "@FILE", "check": _private_key, "help": "Authenticate by cryptosign with the key in a file."},
    ),
    "serializer": (
        ("--serializer",),
        {"type": click.Choice(DEFAULT_OFFER), "help": "The only serializer to offer. Default: all of them."},
    ),
    "cafile": (("--cafile",), {"type": FILE, "help": "Certificates to trust instead of the system's (PEM)."}),
    "cert": (("--cert",), {"type": FILE, "help": "The certificate to show, with its chain (PEM)."}),
    "key": (("--key",), {"type": FILE, "help": "The certificate's private key (PEM)."}),
    "insecure": (("--insecure",), {"is_flag": True, "help": "Do not verify the router's certificate."}),
    "proxy": (("--proxy",), {"metavar": "URL", "help": "http://, socks5:// or socks4:// proxy to go through."}),
    "output": (
        ("-o", "--output"),
        {"type": click.Choice(tuple(FORMATS)), "help": "How data is printed. Default: text."},
    ),
    "json": (("--json",), {"flag_value": "json", "sets": "output", "help": "The same as -o json."}),
    "quiet": (("-q", "--quiet"), {"is_flag": True, "help": "Say nothing but errors on standard error."}),
    "verbose": (("-v", "--verbose"), {"count": True, "help": "Say more; -vv: everything. Shows tracebacks."}),
}
_WITHOUT_VARIABLE: Final = {"json", "quiet", "verbose"}

TALK: Final = ("quiet", "verbose")
CLIENT: Final = tuple(_OPTIONS)


def shared_options(names: Iterable[str], *, with_variables: bool = False) -> list[click.Parameter]:
    """Make the options that a command shares with others.

    Args:
        names: Which of them.
        with_variables: Whether the variables `TROWAMP_...` are looked at: by the program as a whole only, so that they count least.
    """
    options: list[click.Parameter] = []
    for name in names:
        declarations, attributes = _OPTIONS[name]
        has_variable = with_variables and name not in _WITHOUT_VARIABLE
        variable = f"TROWAMP_{name.upper()}" if has_variable else None
        options.append(SharedOption(declarations, variable=variable, **attributes))
    return options
