"""All methods at once: principals out of a mapping or a configuration, and a router's authenticators for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from ._cryptosign import CryptosignAuthenticator, CryptosignCredential
from ._principals import Credential, Directory, Principal
from ._reading import check_keys, text, texts
from ._router import RouterAuthenticator, Sources
from ._scram import ScramAuthenticator, ScramCredential
from ._scram_dialects import CROSSBAR, SPECIFICATION
from ._scram_keys import DEFAULT_COSTS
from ._ticket import TicketAuthenticator, TicketCredential
from ._wampcra import DEFAULT_ITERATIONS, WampCraAuthenticator, WampCraCredential

_READERS: Final[dict[str, Callable[[Any, str], Credential]]] = {
    "ticket": TicketCredential.read,
    "wampcra": WampCraCredential.read,
    "wamp-scram": partial(ScramCredential.read, SPECIFICATION),
    "scram": partial(ScramCredential.read, CROSSBAR),
    "cryptosign": CryptosignCredential.read,
}
METHODS: Final = tuple(_READERS)
_KEYS: Final = ("role", "realms", "realm", "extra", "provider", *METHODS)
_ANSWER_KEYS: Final = ("authid", *_KEYS)


def principals_from_mapping(mapping: Mapping[str, Any], place: str = "principals") -> list[Principal]:
    """Read a table of principals: `{"joe": {"role": "user", "wampcra": "secret"}}`.

    Each has a `role` and at least one method: `ticket`, `wampcra`, `wamp-scram`, `scram`, `cryptosign`, with what `trowamp hash-password` and
    `trowamp keygen` print. It may have `realms`, a list of those it may join; `extra`, a table for `WELCOME.Details.authextra`; `provider`, a text.

    Args:
        mapping: Principals by authid.
        place: What to call the mapping in errors.

    Raises:
        ValueError: Something in it is wrong; the text names the place, and shows no secret.
    """
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{place} must be a table")
    principals = []
    for authid, value in mapping.items():
        if not isinstance(authid, str) or not authid:
            raise ValueError(f"{place}: an authid must be a text that is not empty")
        check_keys(value, _KEYS, f"{place}.{authid}")
        principal = _principal(authid, value, f"{place}.{authid}")
        if not principal.credentials:
            raise ValueError(f"{place}.{authid} needs one of {', '.join(METHODS)}")
        principals.append(principal)
    return principals


def principal_from_answer(authid: str | None, value: Any, method: str) -> Principal:
    """Read what a dynamic authenticator says of a principal; the same keys, `authid`, and True or False for a ticket that is right or wrong.

    Args:
        authid: The identity that was claimed.
        value: The answer.
        method: The method in use.

    Raises:
        ValueError: Something in it is wrong; the text names the place, and shows no secret.
    """
    place = "the answer"
    check_keys(value, _ANSWER_KEYS, place)
    value = {"provider": "dynamic", **value}
    is_right = value.get("ticket")
    if isinstance(is_right, bool):
        del value["ticket"]
    vouched = {"ticket": True} if method == "ticket" and is_right is True else {}
    name = text(value, "authid", place) if "authid" in value else authid
    if not name:
        raise ValueError(f"{place}.authid is missing: the client did not say who it is")
    return _principal(name, value, place, vouched)


def _principal(authid: str, value: dict[str, Any], place: str, vouched: Mapping[str, bool] | None = None) -> Principal:
    extra = value.get("extra", {})
    if not isinstance(extra, dict):
        raise ValueError(f"{place}.extra must be a table")
    read = {method: _READERS[method](value[method], f"{place}.{method}") for method in METHODS if method in value}
    return Principal(
        authid=authid,
        role=text(value, "role", place),
        realms=texts(value, "realms", place),
        realm=text(value, "realm", place) if value.get("realm") is not None else None,
        provider=text(value, "provider", place) if "provider" in value else "static",
        extra=extra,
        credentials={**read, **(vouched or {})},
    )


def model_principal() -> Principal:
    """Return whom somebody who does not exist looks like where no table says how principals look: credentials as `hash-password` makes them."""
    return Principal(
        authid="",
        role="anonymous",
        provider="dynamic",
        credentials={
            "ticket": TicketCredential(b""),
            "wampcra": WampCraCredential(b"", "0" * 24, DEFAULT_ITERATIONS, 32),
            "wamp-scram": ScramCredential(DEFAULT_COSTS, bytes(16), b"", b""),
            "scram": ScramCredential(DEFAULT_COSTS, bytes(16), b"", b""),
            "cryptosign": CryptosignCredential(("",)),
        },
    )


def router_authenticators(
    directory: Directory,
    sources: Sources,
    *,
    methods: Iterable[str] = METHODS,
    private_key: str | bytes | None = None,
) -> list[RouterAuthenticator]:
    """Make a router's authenticators.

    Args:
        directory: Who may join.
        sources: Where random octets and the time come from.
        methods: Which methods to offer.
        private_key: The router's own Ed25519 key, for clients that want it proved. Default: it has none.

    Raises:
        ValueError: There is no such method, or the key is none.
    """
    makers: dict[str, Callable[[], RouterAuthenticator]] = {
        "ticket": lambda: TicketAuthenticator(directory),
        "wampcra": lambda: WampCraAuthenticator(directory, sources),
        "wamp-scram": lambda: ScramAuthenticator(directory, sources, SPECIFICATION),
        "scram": lambda: ScramAuthenticator(directory, sources, CROSSBAR),
        "cryptosign": lambda: CryptosignAuthenticator(directory, sources, private_key=private_key),
    }
    unknown = sorted(set(methods) - makers.keys())
    if unknown:
        raise ValueError(f"unknown authentication method {unknown[0]!r} (known: {', '.join(METHODS)})")
    return [makers[method]() for method in methods]
