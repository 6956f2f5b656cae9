"""Several workers share a procedure; the router gives each call to the next one. Prints:

job 0: worker A
job 1: worker B
job 2: worker A
job 3: worker B
"""

import trio

import trowamp


async def main() -> None:
    async with (
        trowamp.open_router() as router,
        router.open_session(realm="realm1") as worker_a,
        router.open_session(realm="realm1") as worker_b,
        router.open_session(realm="realm1") as client,
    ):
        await worker_a.register("com.example.work", lambda job: "worker A", invoke="roundrobin")
        await worker_b.register("com.example.work", lambda job: "worker B", invoke="roundrobin")
        for job in range(4):
            print(f"job {job}:", await client.call("com.example.work", job))


trio.run(main)
