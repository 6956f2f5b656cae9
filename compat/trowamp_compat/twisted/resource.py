"""WebSocket as a part of a site of Twisted Web."""

from __future__ import annotations

from typing import Any

from twisted.protocols.policies import ProtocolWrapper
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer  # type: ignore[import-untyped]

__all__ = ["WSGIRootResource", "WebSocketResource"]


@implementer(IResource)
class WebSocketResource:
    """Speaks WebSocket wherever it stands in a site.

    Args:
        factory: A `WebSocketServerFactory` or `WampWebSocketServerFactory`.
    """

    isLeaf = True

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def getChildWithDefault(self, name: bytes, request: Any) -> Any:  # noqa: ARG002  # it is the same for all paths
        """Return itself: it has no children."""
        return self

    def putChild(self, path: bytes, child: Any) -> None:  # noqa: ARG002
        """Refuse children.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError("a WebSocketResource has no children")

    def render(self, request: Any) -> Any:
        """Take the connection over from HTTP, and begin with the request that HTTP has read already."""
        channel = request.channel
        transport, channel.transport = channel.transport, None
        protocol = self._factory.buildProtocol(transport.getPeer())
        channel.setTimeout(None)
        transport.unregisterProducer()
        transport.resumeProducing()
        if isinstance(transport, ProtocolWrapper):
            transport.wrappedProtocol = protocol  # TLS
        else:
            transport.protocol = protocol
        protocol.makeConnection(transport)
        protocol.dataReceived(_head(request))
        early = channel.clearLineBuffer()
        if early:
            protocol.dataReceived(early)
        return NOT_DONE_YET


class WSGIRootResource(Resource):
    """The root of a site that is a WSGI application but for some paths.

    Args:
        wsgiResource: The `twisted.web.wsgi.WSGIResource`.
        children: Other resources by the first segments of their paths, as octets.
    """

    def __init__(self, wsgiResource: Any, children: dict[bytes, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._wsgi_resource = wsgiResource
        self.children = dict(children)

    def getChild(self, path: bytes, request: Any) -> Any:
        """Leave every other path to the application, whole."""
        request.prepath.pop()
        request.postpath.insert(0, path)
        return self._wsgi_resource


def _head(request: Any) -> bytes:
    """Return a request as it was."""
    lines = [request.method + b" " + request.uri + b" " + request.clientproto]
    for name, values in request.requestHeaders.getAllRawHeaders():
        lines.extend(name + b": " + value for value in values)
    return b"\r\n".join([*lines, b"", b""])
