"""The two dialects of SCRAM, as far as they differ (A1)."""

from __future__ import annotations

import base64
from typing import Any, Final

from ._octets import from_base64, to_base64
from ._saslprep import saslprep
from ._scram_keys import ARGON2, PBKDF2, Costs, salted_password


class Dialect:
    """The specification's SCRAM.

    Attributes:
        method: The method's name.
        functions: Its names of key derivation functions, and ours.
        binding: What stands for no channel binding.
    """

    method = "wamp-scram"
    functions: dict[str, str] = {ARGON2: ARGON2, PBKDF2: PBKDF2}  # noqa: RUF012  # a constant of the class
    binding = "biws"

    def salted(self, password: str, salt: bytes, costs: Costs) -> bytes:
        """Derive the salted password."""
        return salted_password(saslprep(password, "the password"), salt, costs)

    def joined(self, nonce: str, more: bytes) -> str:
        """Continue the client's nonce."""
        return nonce + to_base64(more)

    def continues(self, nonce: str, client_nonce: str) -> bool:
        """Say whether a nonce continues the client's, with something new (SC-C1)."""
        return nonce.startswith(client_nonce) and len(nonce) > len(client_nonce)

    def answer_extra(self, nonce: str) -> dict[str, Any]:
        """Return AUTHENTICATE.Extra."""
        return {"nonce": nonce, "channel_binding": None, "cbind_data": None}

    def repeats(self, extra: dict[str, Any], nonce: str) -> bool:
        """Say whether AUTHENTICATE.Extra is what it must be (SC-R1)."""
        return extra.get("nonce") == nonce and extra.get("channel_binding") is None and extra.get("cbind_data") is None

    def verifier(self, signature: bytes) -> dict[str, Any]:
        """Return the router's proof, for WELCOME."""
        return {"verifier": "v=" + to_base64(signature)}

    def signature_in(self, authextra: dict[str, Any]) -> bytes:
        """Return the router's signature out of its proof, which some send without the "v=" (A6).

        Raises:
            ValueError: There is none.
        """
        value = authextra.get("verifier")
        if isinstance(value, str):
            value = value.removeprefix("v=")
        return from_base64(value, "the router's proof that it knows the password's keys")


class CrossbarDialect(Dialect):
    """What Crossbar.io and Autobahn speak. They know PBKDF2 by name only."""

    method = "scram"
    functions: dict[str, str] = {"argon2id-13": ARGON2}  # noqa: RUF012  # a constant of the class
    binding = ""

    def salted(self, password: str, salt: bytes, costs: Costs) -> bytes:
        """Derive the salted password: there it is text."""
        return base64.b64encode(salted_password(password, salt, costs)).rstrip(b"=")

    def joined(self, nonce: str, more: bytes) -> str:
        """Continue the client's nonce."""
        return to_base64(base64.b64decode(nonce) + more)

    def continues(self, nonce: str, client_nonce: str) -> bool:
        """Say whether a nonce continues the client's."""
        old, new = base64.b64decode(client_nonce), from_base64(nonce, "the nonce")
        return new.startswith(old) and len(new) > len(old)

    def answer_extra(self, nonce: str) -> dict[str, Any]:
        """Return AUTHENTICATE.Extra."""
        return {}

    def repeats(self, extra: dict[str, Any], nonce: str) -> bool:
        """Demand nothing: the nonce is signed."""
        return True

    def verifier(self, signature: bytes) -> dict[str, Any]:
        """Return the router's proof, for WELCOME."""
        return {"scram_server_signature": to_base64(signature)}

    def signature_in(self, authextra: dict[str, Any]) -> bytes:
        """Return the router's signature out of its proof."""
        return from_base64(
            authextra.get("scram_server_signature"), "the router's proof that it knows the password's keys"
        )


SPECIFICATION: Final = Dialect()
CROSSBAR: Final = CrossbarDialect()
DIALECTS: Final[dict[str, Dialect]] = {dialect.method: dialect for dialect in (SPECIFICATION, CROSSBAR)}
