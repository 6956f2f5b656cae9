"""Who may join a router: principals in a table, and a function or procedure that decides about everybody else.

Nobody is asked here: a shell asks, and awaits the answer as its framework does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from .. import uris
from .._exceptions import ApplicationError
from ._anonymous import AnonymousAuthenticator
from ._keys import private_key_from
from ._methods import (
    METHODS,
    model_principal,
    principal_from_answer,
    principals_from_mapping,
    router_authenticators,
)
from ._principals import Inquiry, Principals, Shadows
from ._reading import check_word
from ._router import Claim, Deny, Outcome, Pending, RouterAuthenticator, Sources

Decide = Callable[[Claim], Awaitable[Mapping[str, Any] | None]]

# What an authenticator says by these URIs of WAMP's own is meant for the client; other ones tell that it does not work.
_VERDICTS: Final = {
    uris.ERROR_AUTHENTICATION_DENIED,
    uris.ERROR_AUTHENTICATION_REQUIRED,
    uris.ERROR_NOT_AUTHORIZED,
    uris.ERROR_NO_SUCH_PRINCIPAL,
    uris.ERROR_NO_SUCH_REALM,
    uris.ERROR_NO_SUCH_ROLE,
}
_SECRET_SIZE: Final = 32
_FAILED: Final = Deny(uris.ERROR_AUTHENTICATION_FAILED, "the router could not find out who may join")


class RouterAuth(msgspec.Struct, frozen=True, kw_only=True):
    """Who may join a router; `open_router` takes it.

    Attributes:
        principals: Who is known, by authid: `{"joe": {"role": "user", "wampcra": "secret"}}`; see `trowamp.auth.principals_from_mapping`.
        authenticator: Decides about everybody else: an async function that takes a `trowamp.auth.Claim`, or the URI of a procedure that takes the
            realm, the authid and a dict with the rest. Either returns a principal as in `principals`, with `"ticket": True` or False for a ticket
            that is right or wrong and `authid` or `realm` if they are others than asked for, or None for somebody who does not exist; or raises
            `ApplicationError`, whose URI and first argument tell the client why not.
        realm: Where the procedure is called. Default: in the realm that the client asks for.
        methods: The methods that the authenticator is asked about.
        anonymous_role: The role of anonymous sessions. Default: there are none.
        private_key: The router's own Ed25519 key, for cryptosign clients that want it proved, in the forms that `Cryptosign` takes.
        secret: 32 octets or more from which challenges for identities that do not exist are made. Default: others each time the router starts, by
            which a patient observer can tell such identities from real ones.
    """

    principals: Mapping[str, Any] = {}
    authenticator: Decide | str | None = None
    realm: str | None = None
    methods: Sequence[str] = METHODS
    anonymous_role: str | None = None
    private_key: str | bytes | None = None
    secret: bytes | None = None

    def __repr__(self) -> str:
        return f"<RouterAuth with {len(self.principals)} principals>"  # their secrets are not shown


def check_auth(auth: RouterAuth, place: str) -> None:
    """Refuse a key or a method that is none, and what is said about an authenticator that is never asked. Principals are not looked at.

    Args:
        auth: What the router's operator says.
        place: What to call that in errors.

    Raises:
        ValueError: Something is wrong; the text names the place, and shows no secret.
    """
    if auth.secret is not None and len(auth.secret) < _SECRET_SIZE:
        raise ValueError(f"{place}.secret must have {_SECRET_SIZE} octets or more")
    if auth.private_key is not None:
        try:
            private_key_from(auth.private_key)
        except ValueError as error:
            raise ValueError(f"{place}.private_key: {error}") from None
    for index, method in enumerate(auth.methods):
        check_word(method, METHODS, f"{place}.methods[{index}]")
    if auth.authenticator is not None and not auth.methods:
        raise ValueError(
            f"{place}.methods is empty, so {place}.authenticator would never be asked; known: {', '.join(METHODS)}"
        )
    for key, is_given in (("methods", tuple(auth.methods) != METHODS), ("realm", auth.realm is not None)):
        if is_given and auth.authenticator is None:
            raise ValueError(f"{place}.{key} is about {place}.authenticator, and there is none")


class Authority:
    """Knows who may join one router; what has to be asked, whoever runs the router asks.

    Args:
        auth: What the router's operator says.
        sources: Where random octets and the time come from.

    Attributes:
        authenticators: The router's methods, for `RouterOptions.authenticators`.

    Raises:
        ValueError: A principal, a key or a method is not legal, or there is something about an authenticator that is never asked; the text names the
            place, and shows no secret.
    """

    def __init__(self, auth: RouterAuth, sources: Sources) -> None:
        check_auth(auth, "RouterAuth")
        secret = auth.secret or sources.random_bytes(_SECRET_SIZE)
        principals = principals_from_mapping(auth.principals)
        table = Principals(principals, secret)
        methods = dict.fromkeys(method for principal in principals for method in principal.credentials)
        if auth.authenticator is not None:
            methods.update(dict.fromkeys(auth.methods))
        self._inquiry = Inquiry(
            table, Shadows(secret, [model_principal()]), auth.methods if auth.authenticator is not None else ()
        )
        self.authenticators: list[RouterAuthenticator] = router_authenticators(
            self._inquiry, sources, methods=methods, private_key=auth.private_key
        )
        if auth.anonymous_role is not None:
            self.authenticators.append(
                AnonymousAuthenticator(lambda: _random_id(sources.random_bytes), role=auth.anonymous_role)
            )

    def outcome(self, pending: Pending, answer: Mapping[str, Any] | None) -> Outcome:
        """Judge by what the authenticator has answered.

        Args:
            pending: What it was asked, from `trowamp.router.Router.take_pending`.
            answer: A principal as in `RouterAuth.principals`, or None for somebody who does not exist.

        Raises:
            ValueError: The answer is no principal; the text shows no secret.
        """
        claim = pending.claim
        if answer is None:
            return pending.judge(self._inquiry.unknown(claim))
        return pending.judge(principal_from_answer(claim.authid, answer, claim.method))

    def refusal(self, error: BaseException) -> tuple[Deny, bool]:
        """Return how a client is refused when the authenticator has failed, and whether that is what the authenticator meant to tell it."""
        if isinstance(error, ApplicationError) and (error.uri in _VERDICTS or not error.uri.startswith("wamp.")):
            return Deny(error.uri, _words_of(error)), True
        return _FAILED, False


def claim_arguments(claim: Claim) -> tuple[str, str | None, dict[str, Any]]:
    """Return what an authenticator that is a procedure is called with: the realm, the authid, and a dict with the rest."""
    details = {
        "authmethod": claim.method,
        "authrole": claim.authrole,
        "authextra": claim.authextra,
        "ticket": claim.ticket,
        "public_key": claim.public_key,
        "session": claim.session_id,
        "transport": claim.transport,
    }
    return claim.realm, claim.authid, {key: value for key, value in details.items() if value is not None}


def _words_of(error: ApplicationError) -> str:
    return error.args[0] if error.args and isinstance(error.args[0], str) else "the authenticator refused the session"


def _random_id(random_bytes: Callable[[int], bytes]) -> int:
    return int.from_bytes(random_bytes(7), "big") % 2**53 + 1
