"""What opens connections one by one, as a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .interfaces import IWebSocketClientAgent

_FACTORY_ARGUMENTS: Final = ("origin", "protocols", "useragent", "headers", "proxy")


class ClientAgent(IWebSocketClientAgent):
    """An agent of a framework.

    Args:
        open_connection: Called with the URL, the options and the class of the protocol; returns a future of the framework for the protocol.
    """

    def __init__(self, open_connection: Callable[..., Any]) -> None:
        self._open_connection = open_connection

    def open(self, transport_config: Any, options: dict[str, Any], protocol_class: Any = None) -> Any:
        """Open a connection; return a future of the framework for its protocol, which is done when messages can be sent."""
        return self._open_connection(transport_config, options, protocol_class)


def configure_client(factory_class: Any, url: Any, options: Mapping[str, Any], protocol_class: Any, **more: Any) -> Any:
    """Return a client's factory for a client agent.

    Args:
        factory_class: Its class.
        url: The URL, or a dictionary with it as "url".
        options: Arguments of the factory and options of the protocol, by their names.
        protocol_class: The class of the protocol, or None.
        more: More arguments of the factory.
    """
    given = dict(options or {})
    arguments = {name: given.pop(name) for name in _FACTORY_ARGUMENTS if name in given}
    factory = factory_class(url["url"] if isinstance(url, Mapping) else url, **arguments, **more)
    factory.setProtocolOptions(**given)
    if protocol_class is not None:
        factory.protocol = protocol_class
    return factory
