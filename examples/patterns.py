"""URI patterns: the variable parts of a topic or procedure become arguments. Prints:

France: Louise Attaque
Germany: Einstürzende Neubauten
log/app/web: started
Paris has 2100000 inhabitants
"""

import trio

import trowamp

INHABITANTS = {"paris": 2_100_000}


def on_concert(country: str, title: str) -> None:
    print(f"{country.title()}: {title}")


def on_log(path: str, text: str) -> None:
    print(f"log/{path.replace('.', '/')}: {text}")


async def inhabitants(city: str) -> int:
    return INHABITANTS[city]


async def main() -> None:
    async with trowamp.open_router() as router, router.open_session(realm="realm1") as session:
        await session.subscribe("com.example.<country>.on_concert", on_concert)
        await session.subscribe("com.example.log.<path:suffix>", on_log)
        await session.register("com.example.city.<city>.inhabitants", inhabitants)
        async with router.open_session(realm="realm1") as other:
            await other.publish("com.example.france.on_concert", "Louise Attaque")
            await other.publish("com.example.germany.on_concert", "Einstürzende Neubauten")
            await other.publish("com.example.log.app.web", "started")
            count = await other.call("com.example.city.paris.inhabitants")
            print(f"Paris has {count} inhabitants")


trio.run(main)
