"""Calls a procedure, the right way and wrong ways.

Needs a router and `add_service.py`. Prints:

    2 + 3 = 5
    wrong arguments: wamp.error.invalid_argument: missing a required argument: 'y'
    no such procedure: com.example.subtract2
"""

import sys

import trio

import trowamp


async def main(url: str) -> None:
    async with trowamp.open_session(url, realm="realm1") as session:
        print("2 + 3 =", await session.call("com.example.add2", 2, 3))
        try:
            await session.call("com.example.add2", 2)
        except trowamp.InvalidArgument as error:
            print("wrong arguments:", error)
        try:
            await session.call("com.example.subtract2", 2, 3)
        except trowamp.NoSuchProcedure:
            print("no such procedure: com.example.subtract2")


trio.run(main, sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws")
