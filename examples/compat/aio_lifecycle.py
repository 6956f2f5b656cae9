"""The stages in the life of a session, by overriding its methods, run by an ApplicationRunner (asyncio).

Prints:

    component created
    transport connected
    authentication challenge received: ticket
    session joined: joe user
    session left: wamp.close.goodbye_and_out
    transport disconnected
"""

import asyncio
import sys

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class CustomSession(ApplicationSession):
    def __init__(self, config=None):
        ApplicationSession.__init__(self, config)
        print("component created")

    def onConnect(self):
        print("transport connected")
        self.join(self.config.realm, ["ticket"], "joe")

    def onChallenge(self, challenge):
        print("authentication challenge received:", challenge.method)
        return "a ticket"

    def onJoin(self, details):
        print("session joined:", details.authid, details.authrole)
        self.leave()

    def onLeave(self, details):
        print("session left:", details.reason)
        self.disconnect()

    def onDisconnect(self):
        print("transport disconnected")
        asyncio.get_event_loop().stop()


if __name__ == "__main__":
    ApplicationRunner(URL, "realm1").run(CustomSession, log_level="error")
