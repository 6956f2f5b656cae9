"""Options of requests. The order of the constructors' parameters is part of the API: programs pass them by position."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
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

    Each is a field of its own in every class, for its place among them differs.

    Attributes:
        forward_for: The sessions that have forwarded the request: `[{"session": …, "authid": …, "authrole": …}]`.
        correlation_id: What ties messages together in a trace; local, as the three that follow.
        correlation_uri: The URI that the trace began with.
        correlation_is_anchor: Whether the trace begins here.
        correlation_is_last: Whether it ends here.
    """

    __slots__ = ()

    forward_for: ForwardFor
    correlation_id: Any
    correlation_uri: Any
    correlation_is_anchor: Any
    correlation_is_last: Any

    def _check_forwarded(self) -> None:
        forward_for = self.forward_for
        if forward_for is not None:
            require(_is_forward_for(forward_for), f"forward_for must not be {forward_for!r}")

    def _check_flags(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None:
                require(isinstance(value, bool), f"{name} must be True, False or None, not {value!r}")

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

    __slots__ = ()

    match: str | None
    details: bool | None
    details_arg: str | None
    concurrency: int | None

    def _check_concurrency(self) -> None:
        if self.concurrency is not None:
            require(_is_int(self.concurrency) and self.concurrency > 0, "concurrency must be at least 1")

    def _check_match_and_details(self) -> None:
        if self.match is not None:
            require(self.match in _MATCHES, f"match must be exact, prefix or wildcard, not {self.match!r}")
        self._check_flags("details")
        if self.details_arg is not None:
            require(isinstance(self.details_arg, str), "details_arg must be the name of a parameter")
            require(not self.details, "details=True and details_arg exclude each other")


@dataclass(eq=False, repr=False, slots=True)
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

    SHOWN = ("match", "invoke", "concurrency", "details", "details_arg", "force_reregister", "forward_for")

    match: str | None = None
    invoke: str | None = None
    concurrency: int | None = None
    force_reregister: bool | None = None
    forward_for: ForwardFor = None
    details: bool | None = None
    details_arg: str | None = None
    correlation_id: Any = None
    correlation_uri: Any = None
    correlation_is_anchor: Any = None
    correlation_is_last: Any = None

    def __post_init__(self) -> None:
        self._check_match_and_details()
        if self.details:
            self.details_arg = "details"
        if self.invoke is not None:
            require(self.invoke in _INVOKES, f"invoke must not be {self.invoke!r}")
        self._check_concurrency()
        self._check_flags("force_reregister")
        self._check_forwarded()

    def message_attr(self) -> dict[str, Any]:
        """Return the options as REGISTER carries them."""
        return self._wanted("match", "invoke", "concurrency", "force_reregister")


@dataclass(eq=False, repr=False, slots=True)
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
        concurrency: How many events are handled at a time by a handler that takes its time; default: 1, so that they are handled in order (W-19).

    Raises:
        AssertionError: A value is not legal.
    """

    SHOWN = ("match", "details", "details_arg", "get_retained", "forward_for")

    match: str | None = None
    details: bool | None = None
    details_arg: str | None = None
    forward_for: ForwardFor = None
    get_retained: bool | None = None
    correlation_id: Any = None
    correlation_uri: Any = None
    correlation_is_anchor: Any = None
    correlation_is_last: Any = None
    _: KW_ONLY
    concurrency: int | None = None

    def __post_init__(self) -> None:
        self._check_match_and_details()
        if self.details:
            self.details_arg = "details"
        self._check_flags("get_retained")
        self._check_concurrency()
        self._check_forwarded()

    def message_attr(self) -> dict[str, Any]:
        """Return the options as SUBSCRIBE carries them."""
        return self._wanted("match", "get_retained")


@dataclass(eq=False, repr=False, slots=True)
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

    acknowledge: bool | None = None
    exclude_me: bool | None = None
    exclude: Ids = None
    exclude_authid: Names = None
    exclude_authrole: Names = None
    eligible: Ids = None
    eligible_authid: Names = None
    eligible_authrole: Names = None
    retain: bool | None = None
    forward_for: ForwardFor = None
    transaction_hash: str | None = None
    correlation_id: Any = None
    correlation_uri: Any = None
    correlation_is_anchor: Any = None
    correlation_is_last: Any = None

    def __post_init__(self) -> None:
        self._check_forwarded()
        self._check_flags("acknowledge", "exclude_me", "retain")
        if self.transaction_hash is not None:
            _check_text("transaction_hash", self.transaction_hash)
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


@dataclass(eq=False, repr=False, slots=True)
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

    on_progress: Callable[..., Any] | None = None
    timeout: float | None = None
    transaction_hash: str | None = None
    caller: int | None = None
    caller_authid: str | None = None
    caller_authrole: str | None = None
    forward_for: ForwardFor = None
    correlation_id: Any = None
    correlation_uri: Any = None
    correlation_is_anchor: Any = None
    correlation_is_last: Any = None
    details: bool | None = None
    _: KW_ONLY
    onProgress: Callable[..., Any] | None = None
    runAt: str | None = None
    pkey: Any = None
    cancel_mode: str | None = None

    def __post_init__(self) -> None:
        if self.onProgress is not None:
            require(self.on_progress is None, "on_progress and onProgress are two names for one option")
            self.on_progress = self.onProgress
        if self.on_progress is not None:
            require(callable(self.on_progress), "on_progress must be callable")
            self.onProgress = self.on_progress
        if self.timeout is not None:
            require(_is_duration(self.timeout), f"timeout must be seconds, not {self.timeout!r}")
        if self.transaction_hash is not None:
            _check_text("transaction_hash", self.transaction_hash)
        if self.caller is not None or self.caller_authid is not None or self.caller_authrole is not None:
            require(self.caller is None or _is_int(self.caller), "caller must be a session id")
            _check_text("caller_authid", self.caller_authid)
            _check_text("caller_authrole", self.caller_authrole)
        self._check_flags("details")
        if self.runAt is not None:
            require(self.runAt in _RUN_AT, f"runAt must be all, any or partition, not {self.runAt!r}")
        if self.cancel_mode is not None:
            require(
                self.cancel_mode in _CANCEL_MODES,
                f"cancel_mode must be skip, kill or killnowait, not {self.cancel_mode!r}",
            )
        self._check_forwarded()

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
