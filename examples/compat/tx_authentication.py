"""Components that join with a secret, and with a key (Twisted).

Prints:

    cryptosign: kim user
    wampcra: ann user
"""

import sys

from autobahn.twisted.component import Component, run

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"
told = []


def component_with(**authentication):
    component = Component(transports=URL, realm="realm1", authentication=authentication)

    @component.on_join
    async def joined(session, details):
        told.append(f"{details.authmethod}: {details.authid} {details.authrole}")
        if len(told) == 2:
            print("\n".join(sorted(told)))
        await session.leave()

    return component


if __name__ == "__main__":
    ann = component_with(wampcra={"authid": "ann", "secret": "a secret"})
    kim = component_with(cryptosign={"authid": "kim", "privkey": "01" * 32})
    run([ann, kim], log_level=None)
