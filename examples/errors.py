"""Errors with a URI and a payload of their own, and what a bug looks like from outside. Prints:

sold out: 3 left, 5 wanted
a bug: wamp.error.runtime_error
"""

import logging

import trio

import trowamp


async def order(amount: int) -> str:
    if amount > 3:
        raise trowamp.ApplicationError("com.example.error.sold_out", left=3, wanted=amount)
    return f"{12 / amount:.0f} euros each"  # a bug: nobody has thought of ordering nothing


async def main() -> None:
    logging.getLogger("trowamp").setLevel(logging.CRITICAL)  # the callee's log has the bug's traceback
    async with trowamp.open_router() as router, router.open_session(realm="realm1") as session:
        await session.register("com.example.order", order)
        try:
            await session.call("com.example.order", 5)
        except trowamp.ApplicationError as error:
            print(f"sold out: {error.kwargs['left']} left, {error.kwargs['wanted']} wanted")
        try:
            await session.call("com.example.order", 0)
        except trowamp.ApplicationError as error:
            print("a bug:", error.uri)


trio.run(main)
