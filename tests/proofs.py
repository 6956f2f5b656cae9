"""Who one is, told once for all client libraries and routers, as `scenarios.py` tells the rest. The routers of the tests know these people."""

from __future__ import annotations

import pytest

from tests.driver import Driver, NotJoined, Proof, Scenario
from tests.scenarios import ACKNOWLEDGED, echo, refused

RIGHT = {
    Proof("ticket", "alice", "open sesame"): "user",
    Proof("wampcra", "bob", "grüezi"): "user",
    Proof("wampcra", "berta", "salty"): "user",
    Proof("cryptosign", "dave", bytes(range(32)).hex()): "user",
    Proof("scram", "claire", "pepper"): "reader",
}
WRONG = [
    Proof("ticket", "alice", "open sesam"),
    Proof("wampcra", "bob", "gruezi"),
    Proof("wampcra", "berta", "Salty"),
    Proof("cryptosign", "dave", bytes(32).hex()),
    Proof("scram", "claire", "peppar"),
]


async def a_right_proof_is_accepted(driver: Driver) -> None:
    for proof, role in RIGHT.items():
        peer = await driver.join(proof=proof)
        assert (peer.authid, peer.authrole, peer.authmethod) == (proof.authid, role, proof.method)
        await peer.leave()


async def a_wrong_proof_is_refused(driver: Driver) -> None:
    for proof in WRONG:
        with pytest.raises(NotJoined) as caught:
            await driver.join(proof=proof)
        assert str(caught.value) == driver.place.denied


async def what_a_role_may_not_do_is_refused(driver: Driver) -> None:
    reader = await driver.join(proof=Proof("scram", "claire", "pepper"))
    public = "com.example.public.f"
    for request in (
        reader.register(public, echo),
        reader.subscribe("com.example.secret", echo),
        reader.publish(public, options=ACKNOWLEDGED),
    ):
        assert (await refused(request)).uri == "wamp.error.not_authorized"
    await reader.publish(public)  # what nobody acknowledges nobody refuses
    await reader.subscribe(public, echo)
    assert (await refused(reader.call(public))).uri == "wamp.error.no_such_procedure"
    await reader.leave()


PROOFS: list[Scenario] = [a_right_proof_is_accepted, a_wrong_proof_is_refused, what_a_role_may_not_do_is_refused]
