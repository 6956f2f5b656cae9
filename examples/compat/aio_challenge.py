"""A session that answers challenges itself, with the functions for it (asyncio).

Prints:

    challenged by wampcra
    joined: ann wampcra
    challenged by ticket
    joined: joe ticket
"""

import asyncio
import sys

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp import auth

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class Session(ApplicationSession):
    def onConnect(self):
        self.join(self.config.realm, self.config.extra["methods"], self.config.extra["authid"])

    def onChallenge(self, challenge):
        print("challenged by", challenge.method)
        if challenge.method == "ticket":
            return "a ticket"
        if challenge.method == "wampcra":
            key = "a secret"
            if "salt" in challenge.extra:
                key = auth.derive_key(
                    key, challenge.extra["salt"], challenge.extra["iterations"], challenge.extra["keylen"]
                )
            return auth.compute_wcs(key, challenge.extra["challenge"])
        raise RuntimeError(f"unexpected challenge: {challenge.method}")

    def onJoin(self, details):
        print("joined:", details.authid, details.authmethod)
        self.leave()

    def onDisconnect(self):
        asyncio.get_event_loop().stop()


if __name__ == "__main__":
    for authid, method in (("ann", "wampcra"), ("joe", "ticket")):
        asyncio.set_event_loop(asyncio.new_event_loop())
        runner = ApplicationRunner(URL, "realm1", extra={"authid": authid, "methods": [method]})
        runner.run(Session, log_level="error")
