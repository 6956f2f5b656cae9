"""Calls whose results go through chains of callbacks (Twisted).

Prints:

    Now: noon
    Sales 1: 100
    Sales 2: 200
    Sales: [200, 300]
    Error: wamp.error.no_such_procedure
    Result: 3
    Main loop terminated.
"""

import sys

from autobahn.twisted.wamp import ApplicationRunner, ApplicationSession
from twisted.internet import defer, reactor

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


class Session(ApplicationSession):
    def onJoin(self, details):
        registered = [
            self.register(lambda: "noon", "com.myapp.deferreds.now"),
            self.register(lambda product: 100 * int(product[-1]), "com.myapp.deferreds.sales"),
            self.register(lambda x: int(x**0.5), "com.myapp.deferreds.sqrt"),
        ]
        d = defer.gatherResults(registered)
        d.addCallback(self.ask_the_time)
        d.addCallback(self.ask_for_sales)
        d.addCallback(self.ask_for_roots)
        d.addCallback(lambda _: self.leave())
        d.addErrback(print)
        return d

    def ask_the_time(self, _):
        d = self.call("com.myapp.deferreds.now")
        d.addCallback(lambda now: f"Now: {now}")
        d.addCallback(print)
        return d

    def ask_for_sales(self, _):
        def print_sales(sales, product):
            print(f"Sales {product}: {sales}")

        d1 = self.call("com.myapp.deferreds.sales", "product1")
        d2 = self.call("com.myapp.deferreds.sales", "product2")
        d1.addCallback(print_sales, 1)
        d2.addCallback(print_sales, 2)
        calls = [self.call("com.myapp.deferreds.sales", product) for product in ("product2", "product3")]
        all_of_them = defer.gatherResults(calls)
        all_of_them.addCallback(lambda sales: print("Sales:", sales))
        return defer.gatherResults([d1, d2, all_of_them])

    def ask_for_roots(self, _):
        def success(res):
            print("Result:", res)

        def failed(failure):
            print("Error:", failure.value.error)

        d1 = self.call("com.myapp.deferreds.cbrt", 9).addCallbacks(success, failed)
        d2 = self.call("com.myapp.deferreds.sqrt", 9).addCallbacks(success, failed)
        return defer.gatherResults([d1, d2])

    def onLeave(self, details):
        self.disconnect()

    def onDisconnect(self):
        if reactor.running:
            reactor.stop()


if __name__ == "__main__":
    ApplicationRunner(URL, "realm1").run(Session)
