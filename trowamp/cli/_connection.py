"""From the shared options to a session."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import click

from .._exceptions import ConnectError
from .._open import open_session
from .._run_session import DEFAULT_CLOSE_TIMEOUT
from .._session import Session
from .._tls import TO_TRUST
from .._url import parse_url
from ..auth import ClientAuthenticator, CrossbarScram, Cryptosign, Scram, Ticket, WampCra
from ._settings import Settings


@asynccontextmanager
async def open_client(
    settings: Settings, *, close_timeout: float = DEFAULT_CLOSE_TIMEOUT
) -> AsyncGenerator[Session, None]:
    """Open the session that the options describe.

    Args:
        settings: The options.
        close_timeout: Seconds for saying goodbye and closing.

    Yields:
        The session.

    Raises:
        click.UsageError: The options do not fit together.
        Exception: As `open_session` does.
    """
    try:
        async with open_session(
            settings.url,
            realm=settings.realm,
            auth=client_auth(settings),
            authid=settings.authid,
            authrole=settings.authrole,
            serializers=None if settings.serializer is None else [settings.serializer],
            tls=client_tls(settings) if parse_url(settings.url).is_tls else None,
            proxy=settings.proxy,
            close_timeout=close_timeout,
        ) as session:
            yield session
    except ConnectError as error:
        if TO_TRUST not in str(error):
            raise
        raise ConnectError(str(error).replace(TO_TRUST, "--cafile FILE")) from error


_METHODS: Final[dict[str, Callable[[str, Any], Sequence[ClientAuthenticator]]]] = {
    "ticket": lambda authid, ticket: [Ticket(authid, ticket)],
    "secret": lambda authid, secret: [WampCra(authid, secret)],
    # Crossbar.io knows nothing but its own dialect, and refuses who offers the other one first.
    "password": lambda authid, password: [CrossbarScram(authid, password), Scram(authid, password)],
    "private_key": lambda authid, key: [Cryptosign(authid or None, private_key=key)],
}


def client_auth(settings: Settings) -> Sequence[ClientAuthenticator] | None:
    """Make the authentication methods of a client; None for an anonymous one.

    Raises:
        click.UsageError: There are two secrets, or nobody whose they are, or it is none.
    """
    given = [name for name in _METHODS if getattr(settings, name) is not None]
    flags = [f"--{name.replace('_', '-')}" for name in given]
    if not given:
        return None
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(flags[:2])} are two ways to authenticate: give one")
    if settings.authid is None and given[0] != "private_key":
        raise click.UsageError(f"{flags[0]} needs --authid")
    try:
        return _METHODS[given[0]](settings.authid or "", getattr(settings, given[0]))
    except ValueError as error:
        raise click.UsageError(f"{flags[0]}: {error}") from None


def client_tls(settings: Settings) -> ssl.SSLContext:
    """Make the TLS configuration of a client: everything is verified unless `--insecure` forbids it.

    Raises:
        click.UsageError: A file cannot be read, or holds no certificate or key.
    """
    try:
        context = ssl.create_default_context(cafile=settings.cafile)
    except ssl.SSLError as error:
        raise click.UsageError(f"--cafile {settings.cafile} holds no certificates: {error}") from error
    if settings.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert is not None or settings.key is not None:
        _show_certificate(context, settings.cert, settings.key)
    return context


def server_tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Make the TLS configuration of a router; None without a certificate.

    Raises:
        click.UsageError: A file cannot be read, or holds no certificate or key, or one is not named.
    """
    if cert is None and key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _show_certificate(context, cert, key)
    return context


def _show_certificate(context: ssl.SSLContext, cert: Path | None, key: Path | None) -> None:
    if cert is None:
        raise click.UsageError("--key needs --cert")
    for path in (cert, key):
        if path is not None:
            _check_readable(path)
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (OSError, ValueError) as error:
        files = str(cert) if key is None else f"{cert} and {key}"
        raise click.UsageError(f"{files} are not a certificate and its private key: {error}") from error


def _check_readable(path: Path) -> None:
    """Refuse a file that is not there: of two files, OpenSSL does not tell which one it is."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror or error}") from error


def _no_password() -> str:
    raise ValueError("the key is encrypted; decrypt it first")
