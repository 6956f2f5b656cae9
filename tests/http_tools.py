"""What tests of long-polling need: HTTP requests to a router in memory, one connection each, by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import trio

from trowamp import Router
from trowamp._stream import ByteTransport, memory_pair
from trowamp.wire._http import HttpClient, HttpResponse

REALM = "realm1"
HELLO = [1, REALM, {"roles": {"caller": {}, "callee": {}, "publisher": {}, "subscriber": {}}}]
GOODBYE = [6, {}, "wamp.close.close_realm"]


class Http:
    """One connection."""

    def __init__(self, transport: ByteTransport, headers: dict[str, str]) -> None:
        self.transport = transport
        self.client = HttpClient([("Host", "127.0.0.1"), *headers.items()])

    async def send(self, octets: bytes) -> None:
        await self.transport.send_all(octets)

    async def begin(self, path: str, body: bytes = b"", content: str = "") -> None:
        await self.send(self.client.request(path, body, content))

    async def answer(self) -> HttpResponse:
        while (answer := self.client.response(2**25)) is None:
            self.client.receive_data(await self.transport.receive_some())
        return answer

    async def post(self, path: str, body: bytes = b"", content: str = "") -> HttpResponse:
        await self.begin(path, body, content)
        return await self.answer()

    async def rest(self) -> bytes:
        """Read until the router ends the connection."""
        found = b""
        while chunk := await self.transport.receive_some():
            found += chunk
        return found


class Polled:
    """A long-poll transport of one client, over two connections."""

    def __init__(self, polling: Http, sending: Http, name: str) -> None:
        self.polling = polling
        self.sending = sending
        self.name = name

    def path(self, operation: str) -> str:
        return f"/lp/{self.name}/{operation}"

    async def send(self, *message: Any) -> HttpResponse:
        return await self.sending.post(self.path("send"), json.dumps(list(message)).encode())

    async def poll(self) -> HttpResponse:
        return await self.polling.post(self.path("receive"))

    async def receive(self) -> list[Any]:
        answer = await self.poll()
        assert answer.status == 200
        message: list[Any] = json.loads(answer.body)
        return message

    async def join(self) -> int:
        assert (await self.send(*HELLO)).status == 204
        code, session_id, _ = await self.receive()
        assert code == 2
        return int(session_id)


@asynccontextmanager
async def open_http(router: Router, **headers: str) -> AsyncGenerator[Http, None]:
    """Connect to a router in memory."""
    near, far = memory_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(router._shell.serve_transport, far)
        try:
            yield Http(near, headers)
        finally:
            near.abort()


def header(answer: HttpResponse, name: str) -> str | None:
    return dict(answer.headers).get(name)


def opening(*protocols: str) -> bytes:
    return json.dumps({"protocols": protocols or ["wamp.2.json"]}).encode()


@asynccontextmanager
async def open_polled(router: Router, protocol: str = "wamp.2.json") -> AsyncGenerator[Polled, None]:
    """Open a long-poll transport."""
    async with open_http(router) as polling, open_http(router) as sending:
        answer = await sending.post("/lp/open", opening(protocol), "application/json")
        assert answer.status == 200, answer.words
        yield Polled(polling, sending, json.loads(answer.body)["transport"])
