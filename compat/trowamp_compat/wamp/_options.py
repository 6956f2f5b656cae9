"""Options of requests. The order of the constructors' parameters is part of the API: programs pass them by position."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from ._described import Described, require

__all__ = ["CallOptions", "PublishOptions", "RegisterOptions", "SubscribeOptions"]

_MATCHES: Final = ("exact", "prefix", "wildcard")
_INVOKES: Final = ("single", "first", "last", "roundrobin", "random")
_RUN_AT: Final = ("all", "any", "partition")
_CANCEL_MODES: Final = ("skip", "kill", "killnowait")

Ids = int | Sequence[int] | None
Names = str | Sequence[str] | None
ForwardFor = list[dict[str, Any]] | None


class _Options(Described):
    """What options of all requests have in common: who has forwarded it, and what it belongs to in a trace.

    Attributes:
        forward_for: The sessions that have forwarded the request: `[{"session": …, "authid": …, "authrole": …}]`.
        correlation_id: What ties messages together in a trace; local, as the three that follow.
        correlation_uri: The URI that the trace began with.
        correlation_is_anchor: Whether the trace begins here.
        correlation_is_last: Whether it ends here.
    """

    __slots__ = ("correlation_id", "correlation_is_anchor", "correlation_is_last", "correlation_uri", "forward_for")

    forward_for: ForwardFor
    correlation_id: Any
    correlation_uri: Any
    correlation_is_anchor: Any
    correlation_is_last: Any

    def _keep(self, forward_for: ForwardFor, id_: Any, uri: Any, is_anchor: Any, is_last: Any) -> None:
        if forward_for is not None:
            require(_is_forward_for(forward_for), f"forward_for must not be {forward_for!r}")
        self.forward_for = forward_for
        self.correlation_id = id_
        self.correlation_uri = uri
        self.correlation_is_anchor = is_anchor
        self.correlation_is_last = is_last

    def _wanted(self, *names: str) -> dict[str, Any]:
        """Return those of the fields that are set, as the wire has them."""
        found = {}
        for name in (*names, "forward_for"):
            value = getattr(self, name)
            if value is not None:
                found[name] = value
        return found


class _HandlerOptions(_Options):
    """What registering and subscribing have in common.

    Attributes:
        match: "exact", "prefix" or "wildcard"; default: as the URI looks.
        details: Whether details are passed, as the keyword argument "details".
        details_arg: The keyword argument that receives the details.
    """

    __slots__ = ("details", "details_arg", "match")

    match: str | None
    details: bool | None
    details_arg: str | None

    def _keep_details(self, match: str | None, details: bool | None, details_arg: str | None) -> None:
        if match is not None:
            require(match in _MATCHES, f"match must be exact, prefix or wildcard, not {match!r}")
        if details is not None:
            _check_flag("details", details)
        if details_arg is not None:
            require(isinstance(details_arg, str), "details_arg must be the name of a parameter")
            require(not details, "details=True and details_arg exclude each other")
        self.match = match
        self.details = details
        self.details_arg = "details" if details else details_arg


class RegisterOptions(_HandlerOptions):
    """Options of a registration.

    Args:
        match: "exact", "prefix" or "wildcard"; default: as the URI looks.
        invoke: Who of several callees is called: "single", "first", "last", "roundrobin" or "random".
        concurrency: How many invocations this callee takes at a time, at least 1.
        force_reregister: Whether to take the procedure from whoever has it.
        forward_for: The sessions that have forwarded the request.
        details: Whether the endpoint gets `CallDetails`, as its keyword argument "details".
        details_arg: The keyword argument for them if it has another name.
        correlation_id: See `correlation_id` of the attributes.
        correlation_uri: Likewise.
        correlation_is_anchor: Likewise.
        correlation_is_last: Likewise.

    Raises:
        AssertionError: A value is not legal.
    """

    __slots__ = ("concurrency", "force_reregister", "invoke")
    SHOWN = ("match", "invoke", "concurrency", "details", "details_arg", "force_reregister", "forward_for")

    def __init__(
        self,
        match: str | None = None,
        invoke: str | None = None,
        concurrency: int | None = None,
        force_reregister: bool | None = None,
        forward_for: ForwardFor = None,
        details: bool | None = None,
        details_arg: str | None = None,
        correlation_id: Any = None,
        correlation_uri: Any = None,
        correlation_is_anchor: Any = None,
        correlation_is_last: Any = None,
    ) -> None:
        if invoke is not None:
            require(invoke in _INVOKES, f"invoke must not be {invoke!r}")
        if concurrency is not None:
            require(_is_int(concurrency) and concurrency > 0, "concurrency must be at least 1")
        if force_reregister is not None:
            _check_flag("force_reregister", force_reregister)
        self._keep_details(match, details, details_arg)
        self._keep(forward_for, correlation_id, correlation_uri, correlation_is_anchor, correlation_is_last)
        self.invoke = invoke
        self.concurrency = concurrency
        self.force_reregister = force_reregister

    def message_attr(self) -> dict[str, Any]:
        """Return the options as REGISTER carries them."""
        return self._wanted("match", "invoke", "concurrency", "force_reregister")


class SubscribeOptions(_HandlerOptions):
    """Options of a subscription.

    Args:
        match: "exact", "prefix" or "wildcard"; default: as the topic looks.
        details: Whether the handler gets `EventDetails`, as its keyword argument "details".
        details_arg: The keyword argument for them if it has another name.
        forward_for: The sessions that have forwarded the request.
        get_retained: Whether to be sent the event that the broker has retained.
        correlation_id: See `correlation_id` of the attributes.
        correlation_uri: Likewise.
        correlation_is_anchor: Likewise.
        correlation_is_last: Likewise.

    Raises:
        AssertionError: A value is not legal.
    """

    __slots__ = ("get_retained",)
    SHOWN = ("match", "details", "details_arg", "get_retained", "forward_for")

    def __init__(
        self,
        match: str | None = None,
        details: bool | None = None,
        details_arg: str | None = None,
        forward_for: ForwardFor = None,
        get_retained: bool | None = None,
        correlation_id: Any = None,
        correlation_uri: Any = None,
        correlation_is_anchor: Any = None,
        correlation_is_last: Any = None,
    ) -> None:
        if get_retained is not None:
            _check_flag("get_retained", get_retained)
        self._keep_details(match, details, details_arg)
        self._keep(forward_for, correlation_id, correlation_uri, correlation_is_anchor, correlation_is_last)
        self.get_retained = get_retained

    def message_attr(self) -> dict[str, Any]:
        """Return the options as SUBSCRIBE carries them."""
        return self._wanted("match", "get_retained")


class PublishOptions(_Options):
    """Options of a publication. Who receives it can be told by one value or by a list of them.

    Args:
        acknowledge: Whether the broker answers; then publishing returns a future.
        exclude_me: False to receive one's own event.
        exclude: Session ids that do not receive it.
        exclude_authid: Likewise, by authid.
        exclude_authrole: Likewise, by authrole.
        eligible: Session ids of the only ones that receive it.
        eligible_authid: Likewise, by authid.
        eligible_authrole: Likewise, by authrole.
        retain: Whether the broker keeps it for later subscribers.
        forward_for: The sessions that have forwarded the request.
        transaction_hash: An application's hash of what it belongs to.
        correlation_id: See `correlation_id` of the attributes.
        correlation_uri: Likewise.
        correlation_is_anchor: Likewise.
        correlation_is_last: Likewise.

    Raises:
        AssertionError: A value is not legal.
    """

    __slots__ = (
        "acknowledge",
        "eligible",
        "eligible_authid",
        "eligible_authrole",
        "exclude",
        "exclude_authid",
        "exclude_authrole",
        "exclude_me",
        "retain",
        "transaction_hash",
    )
    SHOWN = (
        "acknowledge",
        "exclude_me",
        "exclude",
        "exclude_authid",
        "exclude_authrole",
        "eligible",
        "eligible_authid",
        "eligible_authrole",
        "retain",
        "transaction_hash",
        "forward_for",
    )

    def __init__(
        self,
        acknowledge: bool | None = None,
        exclude_me: bool | None = None,
        exclude: Ids = None,
        exclude_authid: Names = None,
        exclude_authrole: Names = None,
        eligible: Ids = None,
        eligible_authid: Names = None,
        eligible_authrole: Names = None,
        retain: bool | None = None,
        forward_for: ForwardFor = None,
        transaction_hash: str | None = None,
        correlation_id: Any = None,
        correlation_uri: Any = None,
        correlation_is_anchor: Any = None,
        correlation_is_last: Any = None,
    ) -> None:
        self._keep(forward_for, correlation_id, correlation_uri, correlation_is_anchor, correlation_is_last)
        if acknowledge is not None:
            _check_flag("acknowledge", acknowledge)
        if exclude_me is not None:
            _check_flag("exclude_me", exclude_me)
        if retain is not None:
            _check_flag("retain", retain)
        if transaction_hash is not None:
            _check_text("transaction_hash", transaction_hash)
        self.acknowledge = acknowledge
        self.exclude_me = exclude_me
        self.exclude = exclude
        self.exclude_authid = exclude_authid
        self.exclude_authrole = exclude_authrole
        self.eligible = eligible
        self.eligible_authid = eligible_authid
        self.eligible_authrole = eligible_authrole
        self.retain = retain
        self.transaction_hash = transaction_hash
        if self._receivers() != _NOBODY:
            for name, value in zip(_RECEIVERS, self._receivers(), strict=True):
                _check_receivers(name, value, _RECEIVERS[name])

    def message_attr(self) -> dict[str, Any]:
        """Return the options as PUBLISH carries them: receivers as lists."""
        found: dict[str, Any] = {}
        if self.acknowledge is not None:
            found["acknowledge"] = self.acknowledge
        if self.exclude_me is not None:
            found["exclude_me"] = self.exclude_me
        if self._receivers() != _NOBODY:
            for name, value in zip(_RECEIVERS, self._receivers(), strict=True):
                if value is not None:
                    found[name] = list(value) if isinstance(value, list | tuple) else [value]
        if self.retain is not None:
            found["retain"] = self.retain
        if self.transaction_hash is not None:
            found["transaction_hash"] = self.transaction_hash
        if self.forward_for is not None:
            found["forward_for"] = self.forward_for
        return found

    def _receivers(self) -> tuple[Any, ...]:
        return (
            self.exclude,
            self.exclude_authid,
            self.exclude_authrole,
            self.eligible,
            self.eligible_authid,
            self.eligible_authrole,
        )


class CallOptions(_Options):
    """Options of a call.

    Args:
        on_progress: Called with each progressive result; asks the callee for them.
        timeout: Seconds after which the call fails with `TimeoutError`. It travels in milliseconds, as the specification has it (C-11).
        transaction_hash: An application's hash of what it belongs to.
        caller: The session id that a forwarding router calls for.
        caller_authid: Its authid.
        caller_authrole: Its authrole.
        forward_for: The sessions that have forwarded the request.
        correlation_id: See `correlation_id` of the attributes.
        correlation_uri: Likewise.
        correlation_is_anchor: Likewise.
        correlation_is_last: Likewise.
        details: Whether the result is a `CallResult` in any case.
        onProgress: Another name for `on_progress` (C-4).
        runAt: "all", "any" or "partition": where a distributed call runs, at routers that know it (C-13).
        pkey: The key that chooses the partition.
        cancel_mode: What cancelling the future does: "skip", "kill" or "killnowait"; default: the router decides.

    Raises:
        AssertionError: A value is not legal.
    """

    __slots__ = (
        "caller",
        "caller_authid",
        "caller_authrole",
        "cancel_mode",
        "details",
        "on_progress",
        "pkey",
        "runAt",
        "timeout",
        "transaction_hash",
    )
    SHOWN = (
        "on_progress",
        "timeout",
        "transaction_hash",
        "caller",
        "caller_authid",
        "caller_authrole",
        "forward_for",
        "details",
    )

    def __init__(
        self,
        on_progress: Callable[..., Any] | None = None,
        timeout: float | None = None,
        transaction_hash: str | None = None,
        caller: int | None = None,
        caller_authid: str | None = None,
        caller_authrole: str | None = None,
        forward_for: ForwardFor = None,
        correlation_id: Any = None,
        correlation_uri: Any = None,
        correlation_is_anchor: Any = None,
        correlation_is_last: Any = None,
        details: bool | None = None,
        *,
        onProgress: Callable[..., Any] | None = None,
        runAt: str | None = None,
        pkey: Any = None,
        cancel_mode: str | None = None,
    ) -> None:
        if onProgress is not None:
            require(on_progress is None, "on_progress and onProgress are two names for one option")
            on_progress = onProgress
        if on_progress is not None:
            require(callable(on_progress), "on_progress must be callable")
        if timeout is not None:
            require(_is_duration(timeout), f"timeout must be seconds, not {timeout!r}")
        if transaction_hash is not None:
            _check_text("transaction_hash", transaction_hash)
        if caller is not None or caller_authid is not None or caller_authrole is not None:
            require(caller is None or _is_int(caller), "caller must be a session id")
            _check_text("caller_authid", caller_authid)
            _check_text("caller_authrole", caller_authrole)
        if details is not None:
            _check_flag("details", details)
        if runAt is not None:
            require(runAt in _RUN_AT, f"runAt must be all, any or partition, not {runAt!r}")
        if cancel_mode is not None:
            require(cancel_mode in _CANCEL_MODES, f"cancel_mode must be skip, kill or killnowait, not {cancel_mode!r}")
        self._keep(forward_for, correlation_id, correlation_uri, correlation_is_anchor, correlation_is_last)
        self.on_progress = on_progress
        self.timeout = timeout
        self.transaction_hash = transaction_hash
        self.caller = caller
        self.caller_authid = caller_authid
        self.caller_authrole = caller_authrole
        self.details = details
        self.runAt = runAt
        self.pkey = pkey
        self.cancel_mode = cancel_mode

    @property
    def onProgress(self) -> Callable[..., Any] | None:
        """The same as `on_progress`."""
        return self.on_progress

    def message_attr(self) -> dict[str, Any]:
        """Return the options as CALL carries them."""
        found: dict[str, Any] = {}
        rare = (self.transaction_hash, self.caller, self.caller_authid, self.caller_authrole, self.forward_for)
        if rare != _NOTHING_RARE:
            found = self._wanted("transaction_hash", "caller", "caller_authid", "caller_authrole")
        if self.timeout is not None:
            found["timeout"] = math.ceil(self.timeout * 1000)
        if self.on_progress is not None:
            found["receive_progress"] = True
        if self.runAt is not None:
            found["runmode"] = self.runAt
        if self.pkey is not None:
            found["rkey"] = self.pkey
        return found


# Who receives a publication, and by what.
_RECEIVERS: Final[dict[str, type]] = {
    "exclude": int,
    "exclude_authid": str,
    "exclude_authrole": str,
    "eligible": int,
    "eligible_authid": str,
    "eligible_authrole": str,
}
_NOBODY: Final = (None,) * len(_RECEIVERS)
_NOTHING_RARE: Final = (None,) * 5


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _check_flag(name: str, value: object) -> None:
    require(value is None or isinstance(value, bool), f"{name} must be True, False or None, not {value!r}")


def _check_text(name: str, value: object) -> None:
    require(value is None or isinstance(value, str), f"{name} must be a string, not {value!r}")


def _check_receivers(name: str, value: Any, kind: type) -> None:
    values = value if isinstance(value, list | tuple) else () if value is None else (value,)
    is_fine = all(isinstance(item, kind) and not isinstance(item, bool) for item in values)
    require(is_fine, f"{name} must be {kind.__name__} or a list of it, not {value!r}")


def _is_forward_for(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(hop, dict) and _is_int(hop.get("session")) and isinstance(hop.get("authrole"), str) for hop in value
    )
