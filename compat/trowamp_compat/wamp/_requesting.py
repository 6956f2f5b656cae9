"""What a joined session can be asked for: call, publish, register, subscribe, and the ends of the latter two.

Arguments come in every order that was ever documented; they are put in order here, once. A request is sent when its method is called, not when its
future is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import trowamp
from trowamp.uris import UriPattern

from ._errors import as_compat_errors, local_error
from ._payloads import encoded
from ._procedures import Procedure
from ._requests import PendingCall, PendingProgress, PendingPublish, PendingRegister, PendingRemoval, PendingSubscribe
from ._session import Core, SessionBase
from ._subscribers import Subscriber
from ._type_check import type_checked
from .exception import InvalidUriError
from .types import CallOptions, PublishOptions, RegisterOptions, Registration, SubscribeOptions, Subscription
from .uri import Pattern, patterns_of

_NO_OPTIONS: Final[dict[str, Any]] = {}
_CORE_ERRORS = (trowamp.WampError, ValueError)


class Requesting(SessionBase):
    """The part of a session that makes requests."""

    # ---- caller

    def call(self, procedure: str | None = None, /, *args: Any, **kwargs: Any) -> Any:
        """Call a procedure.

        Args:
            procedure: Its URI.
            args: Positional payload; `CallOptions` as the last one are the options.
            kwargs: Keyword payload, but `options` are `CallOptions`.

        Returns:
            A future: of None, of the value, or of a `CallResult` if there are several or keyword values.

        Raises:
            TransportLost: There is no transport.
            SessionNotReady: The session has not been joined.
            InvalidUriError: `procedure` is no URI.
            TypeError: It is no string, or `options` are of another kind.
            SerializationError, PayloadExceededError: The payload cannot be sent.
        """
        if type(procedure) is not str:
            procedure = _uri_named("procedure", procedure, kwargs)
        options = kwargs.pop("options", None) if kwargs else None
        if args and type(args[-1]) is CallOptions and options is None:
            args, options = args[:-1], args[-1]
        core = self._core or self._require_core()
        try:
            if options is None and self._payload_codec is None:
                pending = PendingCall(self, procedure, None)
                pending.request_id = core.call(procedure, args, kwargs, _NO_OPTIONS, pending)
            else:
                pending = self._call_with(options, core, procedure, args, kwargs)
        except _CORE_ERRORS as error:
            raise local_error(error) from None
        if not self._carrier._is_receiving:
            if core.pending_calls == 1:
                self._flush()
            else:
                self._flush_soon()
        return pending.future

    def _call_with(
        self, options: CallOptions | None, core: Core, procedure: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> PendingCall:
        """Call a procedure with options, or a payload codec."""
        _check_options(options, CallOptions)
        on_progress = None if options is None else options.on_progress
        if options is None or on_progress is None:
            pending = PendingCall(self, procedure, options)
        else:
            pending = PendingProgress(self, procedure, options, on_progress)
        wire = options.message_attr() if options is not None else {}
        payload, named, keys = encoded(self._payload_codec, procedure, args, kwargs, is_originating=True)
        pending.request_id = core.call(procedure, payload, named, {**wire, **(keys or {})}, pending)
        if options is not None and options.timeout is not None:
            pending.start_timer(options.timeout)
        return pending

    # ---- publisher

    def publish(self, topic: str | None = None, /, *args: Any, **kwargs: Any) -> Any:
        """Publish an event.

        Args:
            topic: Its topic.
            args: Positional payload; `PublishOptions` as the last one are the options.
            kwargs: Keyword payload, but `options` are `PublishOptions`.

        Returns:
            None; or a future of a `Publication`, if the options ask for an acknowledgement.

        Raises:
            TransportLost, SessionNotReady, InvalidUriError, TypeError, SerializationError, PayloadExceededError: As for `call`.
        """
        if type(topic) is not str:
            topic = _uri_named("topic", topic, kwargs)
        options = kwargs.pop("options", None)
        if args and type(args[-1]) is PublishOptions and options is None:
            args, options = args[:-1], args[-1]
        core = self._core or self._require_core()
        pending: PendingPublish | None = None
        try:
            if options is None and self._payload_codec is None:
                core.publish(topic, args, kwargs, _NO_OPTIONS)
            else:
                _check_options(options, PublishOptions)
                wire = options.message_attr() if options is not None else {}
                payload, named, keys = encoded(self._payload_codec, topic, args, kwargs, is_originating=True)
                if wire.get("acknowledge"):
                    pending = PendingPublish(self, was_encrypted=keys is not None)
                request_id = core.publish(topic, payload, named, {**wire, **(keys or {})}, pending)
                if pending is not None:
                    pending.request_id = request_id
        except _CORE_ERRORS as error:
            raise local_error(error) from None
        self._flush_soon()
        return None if pending is None else pending.future

    # ---- callee

    def register(
        self,
        endpoint: Any,
        procedure: Any = None,
        options: RegisterOptions | None = None,
        prefix: str | None = None,
        check_types: bool | None = None,
    ) -> Any:
        """Register a procedure, in either order of function and URI; or every decorated method of an object.

        Args:
            endpoint: What is called: a function, an object that can be called, or an object with decorated methods.
            procedure: The URI or pattern; default: those that the function is decorated with.
            options: Options; default: those of the decorator.
            prefix: Stands before each URI.
            check_types: Whether arguments are compared with the annotations of the function.

        Returns:
            A future of a `Registration`. For an object or several URIs one of the list of them, over whose futures one can also iterate.

        Raises:
            TransportLost, SessionNotReady, InvalidUriError: As for `call`.
            TypeError: There is nothing to be registered, or `options` are of another kind.
        """
        _check_options(options, RegisterOptions)
        if isinstance(endpoint, str) and procedure is not None and not isinstance(procedure, str):
            endpoint, procedure = procedure, endpoint
        self._require_core()
        if procedure is not None:
            _check_function(endpoint, "registered")
            return self._register_one(endpoint, _pattern(prefix or "", procedure, options), options, check_types)
        return self._each(endpoint, Pattern.is_endpoint, options, prefix or "", check_types, self._register_one)

    def _register_one(
        self, function: Callable[..., Any], pattern: UriPattern, options: Any, check_types: bool | None
    ) -> Any:
        if check_types:
            function = type_checked(function)
        core = self._require_core()
        target = Procedure(self, function, pattern, options)
        pending = PendingRegister(self, target)
        with as_compat_errors():
            pending.request_id = core.register(pattern.uri, _wire_options(pattern, options), target, pending)
        self._flush_soon()
        return pending.future

    def unregister(self, registration: Registration) -> Any:
        """End a registration; the same as its method."""
        return registration.unregister()

    def _unregister(self, registration: Registration) -> Any:
        core = self._require_core()
        target = self._procedures[registration.id]
        self._forget_registration(registration)
        pending = PendingRemoval(self, None)
        return self._removed(pending, is_asked=core.unregister(registration.id, target, pending))

    # ---- subscriber

    def subscribe(
        self,
        handler: Any,
        topic: Any = None,
        options: SubscribeOptions | None = None,
        check_types: bool | None = None,
    ) -> Any:
        """Subscribe a handler, in either order of function and topic; or every decorated method of an object.

        Args:
            handler: What is called: a function, an object that can be called, or an object with decorated methods.
            topic: The topic or pattern; default: those that the function is decorated with.
            options: Options; default: those of the decorator.
            check_types: Whether the payload of events is compared with the annotations of the function.

        Returns:
            A future of a `Subscription`. For an object or several topics one of the list of them, over whose futures one can also iterate.

        Raises:
            TransportLost, SessionNotReady, InvalidUriError: As for `call`.
            TypeError: There is nothing to be subscribed, or `options` are of another kind.
        """
        _check_options(options, SubscribeOptions)
        if isinstance(handler, str) and topic is not None and not isinstance(topic, str):
            handler, topic = topic, handler
        self._require_core()
        if topic is not None:
            _check_function(handler, "subscribed")
            return self._subscribe_one(handler, _pattern("", topic, options), options, check_types)
        return self._each(handler, Pattern.is_handler, options, "", check_types, self._subscribe_one)

    def _subscribe_one(
        self, function: Callable[..., Any], pattern: UriPattern, options: Any, check_types: bool | None
    ) -> Any:
        if check_types:
            function = type_checked(function)
        core = self._require_core()
        target = Subscriber(self, function, pattern, options)
        pending = PendingSubscribe(self, target)
        with as_compat_errors():
            pending.request_id = core.subscribe(pattern.uri, _wire_options(pattern, options), target, pending)
        self._flush_soon()
        return pending.future

    def unsubscribe(self, subscription: Subscription) -> Any:
        """End a subscription; the same as its method."""
        return subscription.unsubscribe()

    def _unsubscribe(self, subscription: Subscription) -> Any:
        core = self._require_core()
        target = self._subscribers[subscription]
        self._forget_subscription(subscription)
        pending = PendingRemoval(self, len(self._subscriptions.get(subscription.id, ())))
        return self._removed(pending, is_asked=core.unsubscribe(subscription.id, target, pending))

    # ---- inner workings

    def _removed(self, pending: PendingRemoval, *, is_asked: bool) -> Any:
        if is_asked:
            self._flush_soon()
        else:
            pending.answered(None)
        return pending.future

    def _each(
        self,
        target: Any,
        is_wanted: Callable[[Pattern], bool],
        options: Any,
        prefix: str,
        check_types: bool | None,
        request: Callable[[Callable[..., Any], UriPattern, Any, bool | None], Any],
    ) -> Any:
        """Make a request for each URI that a function, or the methods of an object, are decorated with."""
        found = [(function, pattern) for function, pattern in _decorated(target) if is_wanted(pattern)]
        if not found:
            raise TypeError(f"{target!r} has no URI of its own, and no decorated methods: there is nothing to be done")
        futures = []
        for function, declared in found:
            chosen = options if options is not None else declared.options
            pattern = _declared(prefix, declared, options)
            checked = declared.check_types if check_types is None else check_types
            futures.append(request(function, pattern, chosen, checked))
        is_one = len(futures) == 1 and patterns_of(target)
        return futures[0] if is_one else self._face.several(futures)


def _decorated(target: Any) -> Iterator[tuple[Callable[..., Any], Pattern]]:
    """Yield what can be registered or subscribed: a decorated function, or the decorated methods of an object."""
    own = patterns_of(target)
    if own:
        yield from ((target, pattern) for pattern in own)
        return
    for name in dir(type(target)):
        for pattern in patterns_of(getattr(type(target), name, None)):
            yield getattr(target, name), pattern


def _uri_named(name: str, uri: Any, kwargs: dict[str, Any]) -> str:
    """Return a URI that was given by name, or is of a class derived from `str`."""
    if uri is None:
        uri = kwargs.pop(name, None)
    if not isinstance(uri, str):
        raise TypeError(f"{name} must be a string, not {uri!r}")
    return uri


def _pattern(prefix: str, uri: Any, options: Any) -> UriPattern:
    """Read a URI as the options say, or as it looks."""
    if not isinstance(uri, str):
        raise AssertionError(f"a URI must be a string, not {uri!r}")
    try:
        return UriPattern(prefix + uri, options.match if options is not None else None)
    except ValueError as error:
        raise InvalidUriError(str(error)) from None


def _declared(prefix: str, declared: Pattern, options: Any) -> UriPattern:
    """Read a decorator's URI. It binds also if `options` beside it only say what it looks like anyway (C-9)."""
    match = getattr(options, "match", None)
    if match is None or match == declared.wire.match:
        return declared.wire if not prefix else _pattern(prefix, declared.uri(), declared.options)
    return _pattern(prefix, declared.uri(), options)


def _wire_options(pattern: UriPattern, options: Any) -> dict[str, Any]:
    wire: dict[str, Any] = options.message_attr() if options is not None else {}
    if pattern.match != "exact":
        wire["match"] = pattern.match
    return wire


def _check_options(options: Any, kind: type) -> None:
    if options is not None and not isinstance(options, kind):
        raise TypeError(f"options must be of type {kind.__name__}, not {type(options).__name__}")


def _check_function(function: Any, what: str) -> None:
    if not callable(function):
        raise AssertionError(f"only what can be called is {what}, not {function!r}")
