"""Anonymous sessions: nobody proves anything, and everybody gets an identity that nobody else has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .. import uris
from ..messages import Authenticate
from ..messages import Challenge as ChallengeMessage
from ._client import ClientAttempt, Stateless
from ._router import Accept, Attempt, Deny, Outcome

_ALPHABET: Final = "3456789ACEFGHJKLMNPQRSTUVWXY"  # no two characters that look alike
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
_GROUP: Final = len(_PAIRS) ** 2  # 28**12 > 2**53


class Anonymous(Stateless):
    """Asks for an anonymous session, explicitly: alone it says what saying nothing says; after other methods it says that this will do as well.

    Args:
        authid: A hint which identity would be welcome; routers are free to ignore it.
        authrole: A hint which role.
    """

    method = "anonymous"

    def __init__(self, authid: str | None = None, authrole: str | None = None) -> None:
        self.authid = authid
        self.authrole = authrole

    def __repr__(self) -> str:
        return f"Anonymous(authid={self.authid!r}, authrole={self.authrole!r})"

    def begin(self, nonce: bytes) -> ClientAttempt:
        """Begin a handshake; nothing has to be remembered."""
        return self

    def answer(self, challenge: ChallengeMessage) -> Authenticate:
        """Refuse: there is nothing that could be proved.

        Raises:
            ValueError: Always.
        """
        raise ValueError("the router challenges an anonymous session")


class AnonymousAuthenticator:
    """Lets everybody in. An authid in HELLO is ignored: it would be a claim that nothing proves.

    Args:
        random_id: Source of random integers from 1 to 2**53, for the identities.
        role: The role of anonymous sessions.
    """

    method = "anonymous"

    def __init__(self, random_id: Callable[[], int], *, role: str = "anonymous") -> None:
        self._random_id = random_id
        self._role = role

    def begin(self, attempt: Attempt) -> Outcome:
        """Accept."""
        return Accept(authid=_authid(self._random_id()), role=self._role, provider="static")

    def answer(self, attempt: Attempt, signature: str, extra: dict[str, Any]) -> Outcome:
        """Refuse: nothing was asked."""
        return Deny(uris.ERROR_AUTHENTICATION_DENIED, "anonymous sessions are not challenged")


def _authid(number: int) -> str:
    """Spell a number as an identity: three groups of four characters, easy to read aloud."""
    rest, first = divmod(number, _GROUP)
    last, second = divmod(rest, _GROUP)
    return f"{_spelled(first)}-{_spelled(second)}-{_spelled(last % _GROUP)}"


def _spelled(group: int) -> str:
    high, low = divmod(group, len(_PAIRS))
    return _PAIRS[high] + _PAIRS[low]
