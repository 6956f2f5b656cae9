"""The stages of a session's life in a component, as the guide lists them; leaving does not disconnect here, and yet the program ends (asyncio).

Prints:

    component created
    transport connected
    session joined
    session left
    transport disconnected
"""

import sys

from autobahn.asyncio.component import Component, run
from autobahn.asyncio.wamp import ApplicationSession

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class CustomSession(ApplicationSession):
    def __init__(self, config=None):
        ApplicationSession.__init__(self, config)
        print("component created")

    def onConnect(self):
        print("transport connected")
        self.join(self.config.realm)

    def onChallenge(self, challenge):
        print("authentication challenge received")

    def onJoin(self, details):
        print("session joined")
        self.leave()

    def onLeave(self, details):
        print("session left")

    def onDisconnect(self):
        print("transport disconnected")


component = Component(transports=URL, realm="realm1")
component.session_factory = CustomSession

if __name__ == "__main__":
    run([component], log_level=None)
