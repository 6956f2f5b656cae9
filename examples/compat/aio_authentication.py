"""Who joins with a ticket, a secret and a key (asyncio).

Prints:

    ticket: joe user
    wampcra: ann user
    cryptosign: kim user
    refused: wamp.error.authentication_denied
    the component has failed
"""

import asyncio
import sys

from autobahn.asyncio.component import Component
from autobahn.wamp.exception import ApplicationError

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"


METHODS = {
    "ticket": {"authid": "joe", "ticket": "a ticket"},
    "wampcra": {"authid": "ann", "secret": "a secret"},
    "cryptosign": {"authid": "kim", "privkey": "01" * 32},
}


def component_with(method, options):
    component = Component(transports=URL, realm="realm1", authentication={method: options}, is_fatal=lambda error: True)

    @component.on_join
    async def joined(session, details):
        print(f"{details.authmethod}: {details.authid} {details.authrole}")
        await session.leave()

    @component.on_leave
    def left(session, details):
        if details.reason != "wamp.close.goodbye_and_out":
            print("refused:", details.reason)

    return component


async def main():
    for method, options in METHODS.items():
        await component_with(method, options).start(asyncio.get_running_loop())
    try:
        wrong = component_with("ticket", {"authid": "joe", "ticket": "another"})
        await wrong.start(asyncio.get_running_loop())
    except (ApplicationError, RuntimeError):
        print("the component has failed")


if __name__ == "__main__":
    asyncio.run(main())
