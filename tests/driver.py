"""What the scenarios need of a client library, whatever its event loop: `scenarios.py` says nothing else.

Options have one set of names, because the libraries have: those of `with_options`, `register` and `subscribe`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

REALM = "realm1"
LOST = "lost"  # how a session ends that nobody ended
TIMEOUT = 20.0  # seconds that a scenario may take on a busy machine


class Several(NamedTuple):
    """A result that is not exactly one positional value."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class About(NamedTuple):
    """What a handler is told of a call or an event.

    Attributes:
        uri: What was called, or published to.
        retained: Whether the router had kept the event.
        is_encrypted: Whether the router could not read the payload.
        progress: Sends a progressive result; `await` it.
    """

    uri: str
    retained: bool
    is_encrypted: bool
    progress: Callable[..., Any]


class Refused(Exception):
    """An error with a URI: raised by procedures, and around calls."""

    def __init__(self, uri: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args)
        self.uri = uri
        self.kwargs = kwargs


class NotJoined(Exception):
    """The router let nobody in; the argument is its reason."""


class Gone(Exception):
    """The session is over, for whatever reason."""


class GivenUp(Exception):
    """The call was cancelled by who made it."""


class Proof(NamedTuple):
    """Who one is, and what proves it."""

    method: str
    authid: str
    secret: str


class Place(NamedTuple):
    """Where a router is.

    Attributes:
        url: Where everybody is welcome.
        auth_url: Where one has to prove who one is.
        fragile_url: The same as `url`, by a way that can be cut.
        serializer: What is spoken.
        name: No other place has it: what outlives its sessions is named after it.
        cut: Cuts the way.
        denied: The reason for which the router refuses a wrong proof.
    """

    url: str
    auth_url: str
    fragile_url: str
    serializer: str
    name: str
    cut: Callable[[], None]
    denied: str


class Signal(Protocol):
    """Something that happens once."""

    @property
    def is_set(self) -> bool:
        """Whether it has happened."""
        ...

    def set(self) -> None:
        """It has happened."""
        ...

    async def wait(self) -> None:
        """Wait until it has."""
        ...


class Call(Protocol):
    """A call that was begun."""

    def cancel(self) -> None:
        """Give it up."""
        ...

    async def result(self) -> Any:
        """Wait for the result.

        Raises:
            Refused, Gone: It failed.
            GivenUp: It was cancelled.
        """
        ...


class Peer(Protocol):
    """A joined session."""

    @property
    def id(self) -> int:
        """Its id."""
        ...

    @property
    def authid(self) -> str:
        """Who it is to the router."""
        ...

    @property
    def authrole(self) -> str:
        """In which role."""
        ...

    @property
    def authmethod(self) -> str:
        """How that was proved."""
        ...

    @property
    def serializer(self) -> str:
        """What it speaks."""
        ...

    def begin(self, procedure: str, /, *args: Any, options: Mapping[str, Any] | None = None, **kwargs: Any) -> Call:
        """Call a procedure, and do not wait."""
        ...

    async def call(self, procedure: str, /, *args: Any, options: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
        """Call a procedure.

        Raises:
            Refused, Gone: It failed.
        """
        ...

    async def stream(self, procedure: str, /, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """Call a procedure; return its progressive results and its result."""
        ...

    async def publish(
        self, topic: str, /, *args: Any, options: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> int | None:
        """Publish an event; return the publication's id if it was to be acknowledged."""
        ...

    async def register(
        self, procedure: str, function: Callable[..., Any], *, tells: bool = False, **options: Any
    ) -> Callable[[], Any]:
        """Register a function; return what ends the registration.

        Args:
            procedure: A URI, or a pattern.
            function: The function, sync or async.
            tells: Whether it is told what it is called for: the keyword argument `about`.
            options: `match`, `invoke`, `concurrency`.
        """
        ...

    async def subscribe(
        self, topic: str, function: Callable[..., Any], *, tells: bool = False, **options: Any
    ) -> Callable[[], Any]:
        """Subscribe a function; return what ends the subscription. The arguments are those of `register`; the options `match`, `get_retained`."""
        ...

    async def leave(self) -> None:
        """Leave the realm and wait until the connection is closed."""
        ...

    async def ended(self) -> str:
        """Wait until the session is over; return the reason that the router gave, or `LOST`."""
        ...


class Driver(Protocol):
    """A client library, running."""

    @property
    def place(self) -> Place:
        """The router."""
        ...

    def signal(self) -> Signal:
        """Make a signal."""
        ...

    async def join(
        self, realm: str = REALM, *, proof: Proof | None = None, key: str | None = None, is_fragile: bool = False
    ) -> Peer:
        """Join a realm.

        Args:
            realm: The realm.
            proof: Proves who one is, at the router's other address.
            key: "caller" or "callee": encrypts what is secret, with a key for this side of it.
            is_fragile: Whether the connection is one that can be cut.

        Raises:
            NotJoined: The router said no.
        """
        ...


Scenario = Callable[[Driver], Any]
