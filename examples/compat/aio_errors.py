"""Errors of procedures, with arguments, and as exceptions of one's own (asyncio).

Prints:

    com.myapp.error.odd (3,) {'hint': 'even numbers only'}
    Halves 5
    wamp.error.runtime_error ('cannot be halved',)
    wamp.error.no_such_procedure
    wamp.error.procedure_already_exists
    wamp.error.invalid_argument
"""

import sys

from autobahn import wamp
from autobahn.asyncio.component import Component, run
from autobahn.wamp.exception import ApplicationError

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(transports=URL, realm="realm1")


@wamp.error("com.myapp.error.halves")
class Halves(Exception):
    """Something and a half."""


@component.register("com.myapp.errors.half")
def half(x, how="error"):
    if x % 2 == 0:
        return x // 2
    if how == "error":
        raise ApplicationError("com.myapp.error.odd", x, hint="even numbers only")
    if how == "own":
        raise Halves(x)
    raise RuntimeError("cannot be halved")


@component.on_ready
async def ready(session):
    session.define(Halves)
    try:
        await session.call("com.myapp.errors.half", 3)
    except ApplicationError as error:
        print(error.error, error.args, error.kwargs)
    try:
        await session.call("com.myapp.errors.half", 5, "own")
    except Halves as error:
        print("Halves", *error.args)
    try:
        await session.call("com.myapp.errors.half", 7, how="otherwise")
    except ApplicationError as error:
        print(error.error, error.args)
    try:
        await session.call("com.myapp.errors.nothing")
    except ApplicationError as error:
        print(error.error)
    try:
        await session.register(half, "com.myapp.errors.half")
    except ApplicationError as error:
        print(error.error)
    try:
        raise ApplicationError(ApplicationError.INVALID_ARGUMENT)
    except ApplicationError as error:
        print(error.error)
    await session.leave()


if __name__ == "__main__":
    run([component], log_level=None)
