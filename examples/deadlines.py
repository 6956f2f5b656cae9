"""A deadline travels with a call: the callee's own calls to the outside end when the caller's patience does. Prints:

with 10 s the callee answers: fine
with 0.1 s: com.example.report did not answer within 0.1 s
"""

import trio

import trowamp


async def report(seconds: float) -> str:
    await trio.sleep(seconds)
    return "fine"


async def main() -> None:
    async with trowamp.open_router() as router, router.open_session(realm="realm1") as session:
        await session.register("com.example.report", report)
        patient = session.with_options(timeout=10)
        print("with 10 s the callee answers:", await patient.call("com.example.report", 0.01))
        try:
            await session.with_options(timeout=0.1).call("com.example.report", 60)
        except trowamp.CallTimeout as error:
            print("with 0.1 s:", error.args[0])


trio.run(main)
