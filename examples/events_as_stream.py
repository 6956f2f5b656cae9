"""Events as an async iterator, with a bounded buffer and a policy for consumers that are too slow. Prints:

9
8
7
6
5
4
events that nobody had time for: 4
"""

import trio

import trowamp


async def main() -> None:
    async with (
        trowamp.open_router() as router,
        router.open_session(realm="realm1") as sender,
        router.open_session(realm="realm1") as receiver,
        receiver.open_subscription("com.example.countdown", buffer=6, overflow="drop_newest") as events,
    ):
        for number in range(9, -1, -1):
            await sender.publish("com.example.countdown", number)
        for session in (sender, receiver):  # an answered request means that everything before it has arrived
            await session.with_options(acknowledge=True).publish("com.example.lift_off")
        async for event in events:
            print(event.args[0])
            if event.args[0] == 4:
                break
        print("events that nobody had time for:", events.statistics().dropped)


trio.run(main)
