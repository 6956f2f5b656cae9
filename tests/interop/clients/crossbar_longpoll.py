"""Crossbar.io's long-poll transport with a session behind it that answers calls with their arguments. Prints its port.

Crossbar.io's own sessions do not accept this transport: they ask it for attributes that it has not.
"""

import sys

from autobahn.wamp import message, role
from crossbar.router.longpoll import WampLongPollResource
from twisted.internet import reactor
from twisted.web.server import Site

ROLES = {"broker": role.RoleBrokerFeatures(), "dealer": role.RoleDealerFeatures()}


class Echo:
    """A session of a router that has one procedure: every one."""

    def onOpen(self, transport):  # noqa: N802
        self.transport = transport

    def onMessage(self, received):  # noqa: N802
        answer = ANSWERS[type(received)]
        self.transport.send(answer(received))

    def onClose(self, _):  # noqa: N802
        self.transport = None


ANSWERS = {
    message.Hello: lambda hello: message.Welcome(7, ROLES, realm=hello.realm),
    message.Call: lambda call: message.Result(call.request, args=call.args, kwargs=call.kwargs),
    message.Goodbye: lambda goodbye: message.Goodbye(message.Goodbye.DEFAULT_REASON),
}

idle = int(sys.argv[1]) if len(sys.argv) > 1 else 30
site = Site(WampLongPollResource(Echo, killAfter=idle, reactor=reactor))
port = reactor.listenTCP(0, site, interface="127.0.0.1")
print(port.getHost().port, flush=True)  # noqa: T201
reactor.run()
