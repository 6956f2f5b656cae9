"""Who decides what sessions may do, where the rules of an embedded router want somebody asked."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import trio

from ._exceptions import WampError
from .router import Role, require_authorizer, verdict_from_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._complaints import Complaints
    from .router import Question, Verdict

# Takes the session's details, the URI, the action and the request's options
Authorize = Callable[[dict[str, Any], str, str, dict[str, Any]], Awaitable[bool | Mapping[str, Any]]]


class Authorization:
    """The authorizer of one router.

    Args:
        authorizer: An async function, the URI of a procedure, or None if there is none.
        roles: The router's roles, or None.
        call: Calls a procedure: realm, URI, arguments.
        timeout: Seconds for an answer.
        complaints: Where it is told what is wrong with the authorizer.

    Raises:
        ValueError: A rule wants an authorizer asked, and there is none.
    """

    def __init__(
        self,
        authorizer: Authorize | str | None,
        *,
        roles: Sequence[Role] | None,
        call: Callable[..., Awaitable[Any]],
        timeout: float,
        complaints: Complaints,
    ) -> None:
        require_authorizer(roles, authorizer)
        self._authorizer = authorizer
        self._call = call
        self._timeout = timeout
        self._complaints = complaints

    async def decide(self, question: Question) -> Verdict | None:
        """Ask the authorizer; whatever it does, this returns: None if it failed (AZ-R2)."""
        try:
            with trio.fail_after(self._timeout):
                return verdict_from_answer(await self._ask(question))
        except trio.TooSlowError:
            self._complaints.tell(
                logging.ERROR, "the authorizer did not answer within %g s: %r", self._timeout, question
            )
        except (WampError, ValueError) as error:
            self._complaints.tell(logging.ERROR, "the authorizer failed: %r: %s", question, error)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, one request must not end the router
            self._complaints.tell(logging.ERROR, "the authorizer failed: %r", question, error=error)
        return None

    async def _ask(self, question: Question) -> Any:
        if callable(self._authorizer):
            return await self._authorizer(*question.arguments)
        return await self._call(question.session.realm.name, self._authorizer, *question.arguments)
