"""A way to a router that can be cut, whatever event loop uses it: threads pass on the octets."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Line:
    """Passes on connections to a router until it is closed.

    Args:
        url: The router.

    Attributes:
        url: The same router, by this way.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._router = parts.hostname, parts.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._serve)]
        self._ends: list[socket.socket] = []
        self.url = parts._replace(netloc=f"127.0.0.1:{self._listener.getsockname()[1]}").geturl()
        self._threads[0].start()

    def cut(self) -> None:
        """End all connections at both ends, without a word to anybody."""
        for end in self._ends:
            with suppress(OSError):  # the other side was faster
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Leave nothing behind."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        self.cut()
        for thread in self._threads[1:]:
            thread.join()
        for end in self._ends:
            end.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._router)
                self._ends += near, far
                for source, sink in (near, far), (far, near):
                    self._threads.append(threading.Thread(target=_pass_on, args=[source, sink]))
                    self._threads[-1].start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # cut
        while octets := source.recv(2**16):
            sink.sendall(octets)
        sink.shutdown(socket.SHUT_RDWR)
