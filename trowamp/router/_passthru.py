"""Payload passthru: payloads that only their senders and receivers understand; the router passes them on with the options that describe them.

There are two forms. The specification's has `ppt_scheme` and three more options, and `Arguments` with one binary. Autobahn's has `enc_algo` and two
more options, and the octets themselves in the place of `Arguments` (checklist P1). Peers announce them separately.
"""

from __future__ import annotations

from typing import Any, Final

from ._features import announces

_MODE: Final = 1  # the specification's form
_TRANSPARENCY: Final = 2  # Autobahn's
_NONE: Final[dict[str, Any]] = {}

_FEATURES: Final[dict[int, tuple[str, ...]]] = {
    _MODE: ("payload_passthru_mode",),
    _TRANSPARENCY: ("payload_transparency", "payload_encryption_cryptobox"),
}
_OPTIONS: Final[dict[int, tuple[str, ...]]] = {
    _MODE: ("ppt_scheme", "ppt_serializer", "ppt_cipher", "ppt_keyid"),
    _TRANSPARENCY: ("enc_algo", "enc_serializer", "enc_key"),
}


def forms_announced(roles: dict[str, Any], role: str) -> int:
    """Return which forms a peer takes and sends in a role: a sum of what `form_of` returns."""
    return sum(form for form, names in _FEATURES.items() if announces(roles, role, *names))


def form_of(options: dict[str, Any], args: Any) -> int:
    """Return the form of a payload, 0 for an ordinary one (PPT-B1). Without octets in their place Autobahn's options mean nothing."""
    if type(args) is bytes:
        return _TRANSPARENCY
    return _MODE if options.get("ppt_scheme") else 0


def passed_on(options: dict[str, Any], form: int) -> dict[str, Any]:
    """Return the options that go along with a payload of this form (PPT-R5)."""
    return {name: options[name] for name in _OPTIONS[form] if name in options} if form else _NONE
