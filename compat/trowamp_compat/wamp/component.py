"""Components: sessions that come back, whatever the event loop.

`trowamp_compat.asyncio.component` and `trowamp_compat.twisted.component` have this class with a loop beneath.
"""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from trowamp.uris import is_uri

from .._logging import make_logger
from ._attempts import Work
from ._errors import Explanation
from ._face import Face
from ._observable import Observable
from ._transports import Endpoint, TransportConfig, read_transports
from .types import ComponentConfig, RegisterOptions, SubscribeOptions

__all__ = ["Component"]


class Component(Observable, abc.ABC):
    """A session that is connected, and connected again, with what belongs to it: procedures, event handlers, listeners.

    Args:
        main: Called with the reactor or loop and the session when it is ready; when it is done, the component is. Default: there is none, and the
            component goes on until somebody leaves the session.
        transports: Ways to the router, tried in turn: a URL, a dictionary, or a list of these. Default: `ws://127.0.0.1:8080/ws`.
        config: Accepted, and not used.
        realm: The realm to join.
        extra: Anything; sessions have it as `config.extra`.
        authentication: Options of authentication methods by their names, or `IAuthenticator`s.
        session_factory: Makes a session of a `ComponentConfig`; default: the attribute of the same name.
        is_fatal: Told what ended an attempt; True if the transport is not to be tried again.

    Raises:
        ValueError: An argument is not legal; the text says why.

    Attributes:
        session_factory: Makes sessions, if the instance was not told another way.
        log: The logger.
    """

    EVENTS: ClassVar[Sequence[str]] = (
        "start",
        "connect",
        "join",
        "ready",
        "leave",
        "disconnect",
        "connectfailure",
    )
    session_factory: Any = None

    _needed: ClassVar[frozenset[str]] = frozenset({"connect", "join", "ready"})  # where a bug ends the component
    _face_type: ClassVar[type[Face]]  # a framework's components have it

    def __init__(
        self,
        main: Callable[..., Any] | None = None,
        transports: Any = None,
        config: Any = None,
        realm: str = "realm1",
        extra: Any = None,
        authentication: Mapping[str, Any] | None = None,
        session_factory: Callable[[ComponentConfig], Any] | None = None,
        is_fatal: Callable[[Any], bool] | None = None,
    ) -> None:
        super().__init__()
        if main is not None and not callable(main):
            raise ValueError('"main" must be callable')
        if is_fatal is not None and not callable(is_fatal):
            raise ValueError('"is_fatal" must be callable or None')
        if session_factory is not None and not callable(session_factory):
            raise ValueError('"session_factory" must be callable')
        if not isinstance(realm, str) or not is_uri(realm):
            raise ValueError(f"a realm must be a URI, not {realm!r}")
        if authentication is not None and not isinstance(authentication, Mapping):
            kind = type(authentication).__name__
            raise ValueError(f"authentication must be a dictionary of methods and their options, not of type {kind}")
        self._face = self._face_type()
        self._main = main
        self._config = config
        self._realm = realm
        self._extra = extra
        self._is_fatal = is_fatal
        self._transports: list[TransportConfig] = read_transports(transports)
        for transport in self._transports:
            self._check_endpoint(transport.endpoint)
        self._authentication = dict(authentication or {})
        self._make_authenticators()  # what is wrong is told now
        if session_factory is not None:
            self.session_factory = session_factory
        self._work: Work | None = None

    @functools.cached_property
    def log(self) -> Any:
        """The logger."""
        return make_logger(self._face_type.framework, type(self).__module__)

    @staticmethod
    @abc.abstractmethod
    def _check_endpoint(endpoint: Endpoint) -> None:
        """Raise a ValueError if the framework cannot connect to an endpoint."""

    @abc.abstractmethod
    def _connect(self, loop: Any, config: TransportConfig, make_session: Callable[[], Any]) -> Any:
        """Connect to a router; return a future of the connection."""

    # ---- declaring

    def register(self, uri: Any = None, options: RegisterOptions | None = None, check_types: bool | None = None) -> Any:
        """Decorate a procedure: it is registered at every join.

        Args:
            uri: The URI or pattern; default, also without parentheses: the function's name (C-8).
            options: Options of the registration.
            check_types: Whether arguments are compared with the annotations.

        Raises:
            AssertionError: The options are none.
        """
        if options is not None and not isinstance(options, RegisterOptions):
            raise AssertionError("options must be RegisterOptions")
        return self._declare(
            uri,
            "registered",
            lambda session, function, name: session.register(function, name, options=options, check_types=check_types),
        )

    def subscribe(
        self, topic: Any = None, options: SubscribeOptions | None = None, check_types: bool | None = None
    ) -> Any:
        """Decorate an event handler: it is subscribed at every join.

        Args:
            topic: The topic or pattern; default, also without parentheses: the function's name.
            options: Options of the subscription.
            check_types: Whether payloads are compared with the annotations.

        Raises:
            AssertionError: The options are none.
        """
        if options is not None and not isinstance(options, SubscribeOptions):
            raise AssertionError("options must be SubscribeOptions")
        return self._declare(
            topic,
            "subscribed to",
            lambda session, function, name: session.subscribe(function, name, options=options, check_types=check_types),
        )

    def _declare(self, uri: Any, done: str, request: Callable[[Any, Any, str], Any]) -> Any:
        def decorate(function: Any, name: str | None = None) -> Any:
            wanted: Any = name or getattr(function, "__name__", type(function).__name__)

            def ask(session: Any, _details: Any) -> Any:
                face = self._face
                asked = face.create_future()

                def fail(error: BaseException) -> None:
                    error.add_note(Explanation(f"{wanted} cannot be {done}"))
                    face.reject(asked, error)

                made = face.as_future(request, session, function, wanted)
                face.when_done(made, lambda _: face.resolve(asked), fail)
                return asked

            self.on("join", ask)
            return function

        if callable(uri):
            return decorate(uri)
        return lambda function: decorate(function, uri)

    def on_connect(self, handler: Any) -> Any:
        """Decorate a listener of "connect": session, transport."""
        return self.on("connect", handler)

    def on_join(self, handler: Any) -> Any:
        """Decorate a listener of "join": session, details. All of them are started together; the session is ready when they have finished."""
        return self.on("join", handler)

    def on_ready(self, handler: Any) -> Any:
        """Decorate a listener of "ready": session."""
        return self.on("ready", handler)

    def on_leave(self, handler: Any) -> Any:
        """Decorate a listener of "leave": session, details."""
        return self.on("leave", handler)

    def on_disconnect(self, handler: Any) -> Any:
        """Decorate a listener of "disconnect": session, was_clean."""
        return self.on("disconnect", handler)

    def on_connectfailure(self, handler: Any) -> Any:
        """Decorate a listener of "connectfailure": component, error."""
        return self.on("connectfailure", handler)

    # ---- running

    def _start(self, loop: Any) -> Any:
        """Start; return a future that is done when the component is."""
        if self._work is not None and not self._face.is_done(self._work.done):
            raise RuntimeError("this component has been started already")
        self._face = self._face_type(loop)
        work = self._work = Work(self, self._face, loop)
        pending, error = self._told("start", (loop, self), {})
        if error is not None:
            self._face.reject(work.done, error)
        elif pending:
            gathered = self._face.gather(pending, consume_exceptions=False)
            self._face.when_done(gathered, lambda _: work.next(), lambda error: self._face.reject(work.done, error))
        else:
            work.next()
        return work.done

    def stop(self) -> Any:
        """Stop: leave the session, or give up connecting or waiting. What `start` returned is done then."""
        work = self._work
        if work is None:
            done = self._face.create_future()
            self._face.resolve(done)
            return done
        work.stop()
        return self._observed(work.done)

    def _observed(self, future: Any) -> Any:
        """Return a future of one's own for what somebody else may wait for, too."""
        return future

    # ---- sessions

    def _make_session(self) -> Any:
        session = self.session_factory(ComponentConfig(self._realm, self._extra))
        for authenticator in self._make_authenticators():
            if hasattr(session, "add_authenticator"):
                session.add_authenticator(authenticator)
        return session

    def _make_authenticators(self) -> list[Any]:
        """Make the authenticators.

        Raises:
            ValueError: There is no such method, or an option is wrong.
        """
        made = []
        for name, options in self._authentication.items():
            if not isinstance(options, Mapping):
                made.append(_authenticator(name, options))
                continue
            from .auth import create_authenticator  # noqa: PLC0415  # needs cryptography, unlike most components

            made.append(create_authenticator(name, **options))
        return made

    def _forward(self, session: Any) -> None:
        """Tell the component's listeners of the session's events."""
        for event in session.EVENTS:
            session.on(event, functools.partial(self._tell, event))

    def _tell(self, event: str, *args: Any, **kwargs: Any) -> Any:
        pending, error = self._told(event, args, kwargs)
        if error is not None:
            raise error
        return self._face.gather(pending, consume_exceptions=False) if pending else None


def components_of(components: Any, kind: type[Component]) -> list[Any]:
    """Return the components that `run` was given.

    Args:
        components: A component, or a list of them.
        kind: The framework's class of components.

    Raises:
        ValueError: They are none, or one is there twice.
    """
    if isinstance(components, kind):
        return [components]
    if not isinstance(components, list | tuple) or not all(isinstance(each, kind) for each in components):
        raise ValueError(f"run needs a component or a list of components, not {components!r}")
    if len(set(map(id, components))) < len(components):
        raise ValueError("run was given the same component twice: it has one session at a time")
    return list(components)


def _authenticator(name: str, given: Any) -> Any:
    """Return an authenticator that was given instead of options. What else it may be is not told: it could be a secret."""
    if not isinstance(getattr(given, "name", None), str) or not callable(getattr(given, "on_challenge", None)):
        kind = type(given).__name__
        raise ValueError(
            f"authentication {name!r} must be a dictionary of options, or an authenticator; not of type {kind}"
        )
    return given
