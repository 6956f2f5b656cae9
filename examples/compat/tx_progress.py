"""Results that come in parts, from a procedure that is waited for inline (Twisted).

Prints:

    1 items deleted so far ..
    2 items deleted so far ..
    3 items deleted in total.
    Main loop terminated.
"""

import sys

from autobahn.twisted.util import sleep
from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession
from autobahn.wamp.types import CallOptions, RegisterOptions
from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class Session(ApplicationSession):
    @inlineCallbacks
    def onJoin(self, details):
        @inlineCallbacks
        def delete(n, details=None):
            for i in range(1, n):
                details.progress(i)
                yield sleep(0.01)
            return n

        yield self.register(delete, "com.myapp.log.delete", options=RegisterOptions(details_arg="details"))

        def deleted_so_far(n):
            print(f"{n} items deleted so far ..")

        total = yield self.call("com.myapp.log.delete", 3, options=CallOptions(on_progress=deleted_so_far))
        print(f"{total} items deleted in total.")
        self.leave()

    def onLeave(self, details):
        self.disconnect()

    def onDisconnect(self):
        if reactor.running:
            reactor.stop()


if __name__ == "__main__":
    ApplicationRunner(URL, "realm1").run(Session)
