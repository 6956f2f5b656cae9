"""Calls side by side, callbacks of futures, and results with more than one value (asyncio).

Prints:

    Sales product1: 100
    Sales product2: 200
    Sales: [100, 200, 300]
    Result: 7 + 11i
    Result: 7 + 11i
    None
    [1, 'two', {'three': None}] {'k': b'octets'}
"""

import asyncio
import functools
import sys

from autobahn.asyncio.component import Component, run
from autobahn.wamp.types import CallOptions, CallResult

URL = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/ws"

component = Component(transports=URL, realm="realm1")


@component.register("com.myapp.results.sales")
async def sales_of(product):
    return 100 * int(product[-1])


@component.register("com.myapp.results.add_complex")
def add_complex(a, ai, b, bi):
    return CallResult(a + b, ai + bi)


@component.register("com.myapp.results.add_by_name")
def add_by_name(a, b):
    return CallResult(real=a[0] + b[0], imag=a[1] + b[1])


@component.register("com.myapp.results.nothing")
def nothing():
    pass


@component.register("com.myapp.results.echo")
def echo(*args, **kwargs):
    return CallResult(*args, **kwargs)


@component.on_ready
async def ready(session):
    def print_sales(product, future):
        print(f"Sales {product}: {future.result()}")

    futures = []
    for product in ("product1", "product2"):
        future = session.call("com.myapp.results.sales", product)
        future.add_done_callback(functools.partial(print_sales, product))
        futures.append(future)
    await asyncio.gather(*futures)
    calls = [session.call("com.myapp.results.sales", product) for product in ("product1", "product2", "product3")]
    print("Sales:", await asyncio.gather(*calls))
    c = await session.call("com.myapp.results.add_complex", 2, 3, 5, 8)
    print(f"Result: {c.results[0]} + {c.results[1]}i")
    c = await session.call("com.myapp.results.add_by_name", a=(2, 3), b=(5, 8))
    print(f"Result: {c.kwresults['real']} + {c.kwresults['imag']}i")
    print(await session.call("com.myapp.results.nothing"))
    c = await session.call(
        "com.myapp.results.echo", 1, "two", {"three": None}, k=b"octets", options=CallOptions(details=True)
    )
    print(list(c.results), c.kwresults)
    await session.leave()


if __name__ == "__main__":
    run([component], log_level=None)
