"""Whom a router inside a program asks: functions of the program, or procedures in its realms, about who may join and who may do what.

A function may be a plain one, or return whatever its framework waits for: a coroutine, a future, a Deferred.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import trowamp
from trowamp.auth import Authority, Claim, Pending, Sources, claim_arguments
from trowamp.router import Question, RouterOptions, Verdict, require_authorizer, verdict_from_answer

from .._logging import make_logger
from ._face import Face
from .exception import ApplicationError


class Deciding:
    """The authenticator and the authorizer of one router.

    Args:
        auth: Who may join.
        authorizer: A function or the URI of a procedure, or None.
        options: The router's options.
        call: Calls a procedure: realm, URI, arguments; returns a future.

    Attributes:
        authenticators: The router's methods.

    Raises:
        ValueError: A principal, a key or a method is not legal; or a rule asks an authorizer, and there is none.
    """

    def __init__(
        self,
        auth: trowamp.RouterAuth,
        authorizer: Callable[..., Any] | str | None,
        options: RouterOptions,
        call: Callable[..., Any],
    ) -> None:
        require_authorizer(options.roles, authorizer)
        self._auth = auth
        self._authority = Authority(auth, Sources(os.urandom, utc_now))
        self._authorizer = authorizer
        self._timeout = options.authorizer_timeout
        self._call = call
        self.authenticators = self._authority.authenticators

    def find_out(self, face: Face, pending: Pending, decided: Callable[[Any], None]) -> Asked:
        """Ask the authenticator; whatever it does, there is an outcome."""
        claim = pending.claim

        def answered(answer: Any) -> None:
            try:
                outcome = self._authority.outcome(pending, answer)
            except Exception as error:  # noqa: BLE001  # whatever is wrong with the answer, one client must not end the router
                failed(error)
            else:
                decided(outcome)

        def failed(error: BaseException) -> None:
            error = _as_core(error)
            refusal, is_meant = self._authority.refusal(error)
            if not is_meant:
                words = error.uri if isinstance(error, trowamp.ApplicationError) else repr(error)
                _log(face).error("the authenticator failed for {claim!r}: {words}", claim=claim, words=words)
            decided(refusal)

        return Asked(face, face.as_future(self._ask_who, claim), answered, failed)

    def _ask_who(self, claim: Claim) -> Any:
        authenticator = self._auth.authenticator
        if callable(authenticator):
            return authenticator(claim)
        return self._call(self._auth.realm or claim.realm, authenticator, *claim_arguments(claim))

    def decide(self, face: Face, question: Question, decided: Callable[[Verdict | None], None]) -> Asked:
        """Ask the authorizer; whatever it does, there is an answer: None if it failed, or took too long (AZ-R2)."""

        def answered(answer: Any) -> None:
            try:
                verdict = verdict_from_answer(answer)
            except ValueError as error:
                failed(error)
            else:
                decided(verdict)

        def failed(error: BaseException) -> None:
            _log(face).error("the authorizer failed: {question!r}: {error!r}", question=question, error=error)
            decided(None)

        return Asked(face, face.as_future(self._ask_whether, question), answered, failed, self._timeout)

    def _ask_whether(self, question: Question) -> Any:
        if callable(self._authorizer):
            return self._authorizer(*question.arguments)
        return self._call(question.session.realm.name, self._authorizer, *question.arguments)


class Asked:
    """A question that somebody is asked.

    Args:
        face: The event loop.
        future: Of the answer.
        answered: Told the answer.
        failed: Told why there is none.
        timeout: Seconds for the answer; None for any time.
    """

    def __init__(
        self,
        face: Face,
        future: Any,
        answered: Callable[[Any], None],
        failed: Callable[[BaseException], None],
        timeout: float | None = None,
    ) -> None:
        self._face = face
        self._future = future
        self._is_over = False
        self._timer = None if timeout is None else face.call_later(timeout, self._timed_out, timeout, failed)
        face.when_done(future, lambda answer: self._end(answered, answer), lambda error: self._end(failed, error))

    def drop(self) -> None:
        """Nobody wants to know any more."""
        self._end(_nothing, None)
        self._face.cancel(self._future)

    def _timed_out(self, timeout: float, failed: Callable[[BaseException], None]) -> None:
        self._end(failed, TimeoutError(f"no answer within {timeout:g} s"))
        self._face.cancel(self._future)

    def _end(self, then: Callable[[Any], None], value: Any) -> None:
        if not self._is_over:
            self._is_over = True
            if self._timer is not None:
                self._timer.cancel()
            then(value)


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def _log(face: Face) -> Any:
    return make_logger(face.framework, "trowamp_compat.wamp.router")


def _as_core(error: BaseException) -> BaseException:
    if isinstance(error, ApplicationError):
        return trowamp.ApplicationError(error.error, *error.args, **error.kwargs)
    return error


def _nothing(_: Any) -> None:
    pass
