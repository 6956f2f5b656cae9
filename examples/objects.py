"""An object whose methods are procedures and event handlers: one call puts everything in place. Prints:

balance: 0
balance: 25
the month has ended with 25
"""

import trio

import trowamp


class Account:
    def __init__(self) -> None:
        self.balance = 0

    @trowamp.procedure("com.example.account.balance")
    def get_balance(self) -> int:
        return self.balance

    @trowamp.procedure("com.example.account.deposit")
    async def deposit(self, amount: int) -> None:
        self.balance += amount

    @trowamp.subscriber("com.example.calendar.month_end")
    def month_ended(self) -> None:
        print("the month has ended with", self.balance)


async def main() -> None:
    async with trowamp.open_router() as router, router.open_session(realm="realm1") as bank:
        await bank.add_object(Account())
        async with router.open_session(realm="realm1") as client:
            print("balance:", await client.call("com.example.account.balance"))
            await client.call("com.example.account.deposit", 25)
            print("balance:", await client.call("com.example.account.balance"))
            await client.with_options(acknowledge=True).publish("com.example.calendar.month_end")
            await client.call("com.example.account.balance")  # answered after the event: order is kept


trio.run(main)
