"""From the shared options to a session."""

from __future__ import annotations

import ssl
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import click

from .._open import open_session
from .._session import Session
from .._url import parse_url
from ..auth import ClientAuthenticator, Ticket, WampCra
from ._settings import Settings


def open_client(settings: Settings) -> AbstractAsyncContextManager[Session]:
    """Open the session that the options describe.

    Raises:
        click.UsageError: The options do not fit together.
        Exception: As `open_session` does.
    """
    return open_session(
        settings.url,
        realm=settings.realm,
        auth=client_auth(settings),
        authid=settings.authid,
        authrole=settings.authrole,
        serializers=None if settings.serializer is None else [settings.serializer],
        tls=client_tls(settings) if parse_url(settings.url).is_tls else None,
        proxy=settings.proxy,
    )


def client_auth(settings: Settings) -> ClientAuthenticator | None:
    """Make the authentication method of a client; None for an anonymous one.

    Raises:
        click.UsageError: There are two secrets, or nobody whose they are.
    """
    if settings.ticket is None and settings.secret is None:
        return None
    if settings.ticket is not None and settings.secret is not None:
        raise click.UsageError("--ticket and --secret are two ways to authenticate: give one")
    if settings.authid is None:
        raise click.UsageError("--ticket and --secret need --authid")
    if settings.ticket is not None:
        return Ticket(settings.authid, settings.ticket)
    assert settings.secret is not None
    return WampCra(settings.authid, settings.secret)


def client_tls(settings: Settings) -> ssl.SSLContext:
    """Make the TLS configuration of a client: everything is verified unless `--insecure` forbids it.

    Raises:
        click.UsageError: A file holds no certificate or key.
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
        click.UsageError: A file holds no certificate or key, or one is missing.
    """
    if cert is None and key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _show_certificate(context, cert, key)
    return context


def _show_certificate(context: ssl.SSLContext, cert: Path | None, key: Path | None) -> None:
    if cert is None:
        raise click.UsageError("--key needs --cert")
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        files = str(cert) if key is None else f"{cert} and {key}"
        raise click.UsageError(f"{files} are not a certificate and its private key: {error}") from error


def _no_password() -> str:
    raise ValueError("the key is encrypted; decrypt it first")
