# ruff: noqa: N802, N803, ASYNC110  # the names are the API; and threads can only be asked whether they have ended
"""Prints what a session is told, and in which order, when a router fails in every way: run with PACKAGE and FRAMEWORK in the environment.

The router is a thread with a list of what to say, octet for octet, so both packages meet the same.
"""

import importlib
import json
import os
import socket
import struct
import threading
import time

PACKAGE, FRAMEWORK = os.environ["PACKAGE"], os.environ["FRAMEWORK"]
if PACKAGE == "autobahn":
    import txaio

    getattr(txaio, f"use_{FRAMEWORK}")()

rawsocket = importlib.import_module(f"{PACKAGE}.{FRAMEWORK}.rawsocket")
wamp = importlib.import_module(f"{PACKAGE}.{FRAMEWORK}.wamp")
exception = importlib.import_module(f"{PACKAGE}.wamp.exception")
serializer = importlib.import_module(f"{PACKAGE}.wamp.serializer")
types = importlib.import_module(f"{PACKAGE}.wamp.types")

PATIENCE = 3.0  # seconds in which a client has to close
AT_MOST = 10.0  # seconds for a script
TURNS = 50  # of the loop, in which a session can tell what follows from the end of its connection
LOST = {"asyncio": "connection_lost", "twisted": "connectionLost"}[FRAMEWORK]  # how a protocol is told
SHAKE = b"\x7f\xf1\x00\x00"
ROLES = {"broker": {}, "dealer": {}}
WELCOME = [2, 123, {"roles": ROLES}]
GOODBYE = [6, {"message": "bye"}, "wamp.close.system_shutdown"]
ANSWER = [6, {}, "wamp.close.goodbye_and_out"]
FIN, RST, HEAR, END = "fin", "rst", "hear", "end"


def frame(saying):
    """Return the octets of something to say."""
    if isinstance(saying, bytes):
        return saying
    body = json.dumps(saying).encode()
    return struct.pack(">I", len(body)) + body


BAD = struct.pack(">I", 3) + b"[1,"
# What the router does when it has heard the handshake; then what the session does when it has joined.
SCRIPTS = {
    "closed instead of a handshake": ([FIN], None),
    "reset instead of a handshake": ([RST], None),
    "refused handshake": ([b"\x7f\x10\x00\x00", FIN], None),
    "handshake of something else": ([b"HTTP/1.1 400 Bad Request\r\n\r\n", FIN], None),
    "half a handshake": ([SHAKE[:2], FIN], None),
    "closed before WELCOME": ([SHAKE, HEAR, FIN], None),
    "reset before WELCOME": ([SHAKE, HEAR, RST], None),
    "ABORT": ([SHAKE, HEAR, [3, {}, "wamp.error.no_such_realm"]], None),
    "ABORT with a message": ([SHAKE, HEAR, [3, {"message": "no"}, "wamp.error.not_authorized"], FIN], None),
    "ABORT, then reset": ([SHAKE, HEAR, [3, {}, "wamp.error.no_such_realm"], END, RST], None),
    "EVENT before WELCOME": ([SHAKE, HEAR, [36, 1, 2, {}]], None),
    "no JSON before WELCOME": ([SHAKE, HEAR, BAD], None),
    "WELCOME without roles": ([SHAKE, HEAR, [2, 123, {}]], None),
    "WELCOME with a session id of text": ([SHAKE, HEAR, [2, "123", {"roles": ROLES}]], None),
    "WELCOME with an unknown role": ([SHAKE, HEAR, [2, 123, {"roles": {"cook": {}}}]], None),
    "half of WELCOME": ([SHAKE, HEAR, frame(WELCOME)[:20], FIN], None),
    "CHALLENGE, then ABORT": ([SHAKE, HEAR, [4, "ticket", {}], HEAR, [3, {}, "wamp.error.not_authorized"]], "ticket"),
    "CHALLENGE, then closed": ([SHAKE, HEAR, [4, "ticket", {}], HEAR, FIN], "ticket"),
    "CHALLENGE, then reset": ([SHAKE, HEAR, [4, "ticket", {}], HEAR, RST], "ticket"),
    "CHALLENGE that cannot be answered": ([SHAKE, HEAR, [4, "ticket", {}], HEAR], "ticket fails"),
    "closed": ([SHAKE, HEAR, WELCOME, FIN], None),
    "reset": ([SHAKE, HEAR, WELCOME, RST], None),
    "GOODBYE": ([SHAKE, HEAR, WELCOME, GOODBYE, HEAR, FIN], None),
    "GOODBYE, then reset": ([SHAKE, HEAR, WELCOME, GOODBYE, HEAR, END, RST], None),
    "GOODBYE together with WELCOME": ([SHAKE, HEAR, frame(WELCOME) + frame(GOODBYE), HEAR, FIN], None),
    "GOODBYE, and open": ([SHAKE, HEAR, WELCOME, GOODBYE, HEAR], None),
    "no JSON": ([SHAKE, HEAR, WELCOME, BAD], None),
    "an empty message": ([SHAKE, HEAR, WELCOME, []], None),
    "an unknown message": ([SHAKE, HEAR, WELCOME, [99, 1]], None),
    "a second WELCOME": ([SHAKE, HEAR, WELCOME, WELCOME], None),
    "RESULT of no call": ([SHAKE, HEAR, WELCOME, [50, 77, {}]], None),
    "INVOCATION of no procedure": ([SHAKE, HEAR, WELCOME, [68, 1, 77, {}]], None),
    "half a message": ([SHAKE, HEAR, WELCOME, frame(GOODBYE)[:9], FIN], None),
    "a message of a reserved type": ([SHAKE, HEAR, WELCOME, b"\x07\x00\x00\x01x"], None),
    "call, then closed": ([SHAKE, HEAR, WELCOME, HEAR, FIN], "call"),
    "call, then reset": ([SHAKE, HEAR, WELCOME, HEAR, RST], "call"),
    "call, then GOODBYE": ([SHAKE, HEAR, WELCOME, HEAR, GOODBYE, HEAR, FIN], "call"),
    "call, then ERROR, then closed": ([SHAKE, HEAR, WELCOME, HEAR, [8, 48, 1, {}, "com.example.no"], FIN], "call"),
    "call, then no JSON": ([SHAKE, HEAR, WELCOME, HEAR, BAD], "call"),
    "register, then ERROR, then closed": (
        [SHAKE, HEAR, WELCOME, HEAR, [8, 64, 1, {}, "wamp.error.procedure_already_exists"], FIN],
        "register",
    ),
    "subscribe, then closed": ([SHAKE, HEAR, WELCOME, HEAR, FIN], "subscribe"),
    "publish, then closed": ([SHAKE, HEAR, WELCOME, HEAR, FIN], "publish"),
    "leave, then answered": ([SHAKE, HEAR, WELCOME, HEAR, ANSWER, FIN], "leave"),
    "leave, then answered, and open": ([SHAKE, HEAR, WELCOME, HEAR, ANSWER], "leave"),
    "leave, then closed": ([SHAKE, HEAR, WELCOME, HEAR, FIN], "leave"),
    "leave, then reset": ([SHAKE, HEAR, WELCOME, HEAR, RST], "leave"),
    "disconnected by the session": ([SHAKE, HEAR, WELCOME], "disconnect"),
    "failure of onJoin": ([SHAKE, HEAR, WELCOME, HEAR, FIN], "fail"),
}


class Router(threading.Thread):
    """Serves one connection."""

    def __init__(self, steps, has_joined):
        super().__init__(daemon=True)
        self._steps = steps
        self._has_joined = has_joined
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.began = time.monotonic()

    def run(self):
        """Do what the script says, and wait for the client to close."""
        connection, _ = self._listener.accept()
        self._listener.close()
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            try:
                self._take(connection, 4)
                for step in self._steps:
                    self._do(connection, step)
                self._do(connection, END)
            except OSError:  # the client, or the script, was quicker
                pass

    def _do(self, connection, step):
        if step == HEAR:
            self._take(connection, int.from_bytes(self._take(connection, 4), "big"))
        elif step == END:  # of what the client says; a reset that came while it closes could be told as either
            while connection.recv(4096):
                pass
        elif step == FIN:
            connection.shutdown(socket.SHUT_WR)
        elif step == RST:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        else:
            connection.sendall(frame(step))
            if step is WELCOME:
                self._has_joined.wait(PATIENCE)  # what comes next comes in a packet of its own

    def _take(self, connection, size):
        data = b""
        while len(data) < size:
            piece = connection.recv(size - len(data))
            if not piece:
                raise ConnectionError
            data += piece
        return data


class Session(wamp.ApplicationSession):
    """Notes what it is told."""

    def __init__(self, role):
        super().__init__(types.ComponentConfig("realm1"))
        self.told = []
        self.pending = None
        self.has_joined = threading.Event()
        self.has_ended = False
        self._role = role or ""

    def onConnect(self):
        self.told.append("onConnect")
        if self._role.startswith("ticket"):
            self.join("realm1", ["ticket"], "joe")
        else:
            self.join("realm1")

    def onChallenge(self, challenge):
        self.told.append("onChallenge")
        if self._role.endswith("fails"):
            raise ZeroDivisionError
        return "secret"

    def onWelcome(self, msg):
        self.told.append("onWelcome")

    def onJoin(self, details):
        self.told.append("onJoin")
        self.has_joined.set()
        if self._role == "call":
            self._watch(self.call("com.example.procedure"))
        elif self._role == "register":
            self._watch(self.register(print, "com.example.procedure"))
        elif self._role == "subscribe":
            self._watch(self.subscribe(print, "com.example.topic"))
        elif self._role == "publish":
            self._watch(self.publish("com.example.topic", options=types.PublishOptions(acknowledge=True)))
        elif self._role == "leave":
            self.leave()
        elif self._role == "disconnect":
            self.disconnect()
        elif self._role == "fail":
            raise ZeroDivisionError

    def onLeave(self, details):
        self.told.append(f"onLeave {details.reason}")
        super().onLeave(details)

    def onDisconnect(self):
        self.told.append("onDisconnect")

    def onClose(self, wasClean):
        self.told.append(f"onClose {wasClean}")
        super().onClose(wasClean)

    def onUserError(self, fail, msg):
        self.told.append(f"onUserError {type(fail.value).__name__}")

    def _watch(self, future):
        self.pending = "request pending"
        if FRAMEWORK == "asyncio":
            future.add_done_callback(lambda future: self._ended(future.exception()))
        else:
            future.addCallbacks(self._ended, lambda failure: self._ended(failure.value))

    def _ended(self, error):
        self.pending = None
        uri = error.error if isinstance(error, exception.ApplicationError) else ""
        self.told.append(f"request {type(error).__name__} {uri}".rstrip())


class Factory(rawsocket.WampRawSocketClientFactory):
    """Makes a protocol that notes in its session when the connection has ended: a reset may arrive after the thread that sent it is gone."""

    def __init__(self, session):
        super().__init__(lambda: session, serializer.JsonSerializer())

        class Protocol(rawsocket.WampRawSocketClientProtocol):
            pass

        def lost(protocol, reason):
            try:
                getattr(super(Protocol, protocol), LOST)(reason)
            finally:
                session.has_ended = True

        setattr(Protocol, LOST, lost)
        self.protocol = Protocol


def begin(steps, role):
    session = Session(role)
    router = Router(steps, session.has_joined)
    router.start()
    return router, session, Factory(session)


def is_over(name, router, session):
    if time.monotonic() > router.began + AT_MOST:
        raise TimeoutError(name)
    return session.has_ended and not router.is_alive()


def show(name, session):
    told = [*session.told, *([session.pending] if session.pending else [])]
    print(json.dumps([name, told]), flush=True)  # noqa: T201


def main_asyncio():
    import asyncio

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: None)
        for name, (steps, role) in SCRIPTS.items():
            router, session, factory = begin(steps, role)
            await loop.create_connection(factory, "127.0.0.1", router.port)
            while not is_over(name, router, session):
                await asyncio.sleep(0.005)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            show(name, session)

    asyncio.run(main())


def main_twisted():
    from twisted.internet import defer, endpoints, task

    async def main(reactor):
        for name, (steps, role) in SCRIPTS.items():
            router, session, factory = begin(steps, role)
            await endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", router.port).connect(factory)
            while not is_over(name, router, session):
                await task.deferLater(reactor, 0.005)
            for _ in range(TURNS):
                await task.deferLater(reactor, 0)
            show(name, session)

    task.react(lambda reactor: defer.ensureDeferred(main(reactor)))  # which tells of a failure, and ends with 1


if __name__ == "__main__":
    {"asyncio": main_asyncio, "twisted": main_twisted}[FRAMEWORK]()
