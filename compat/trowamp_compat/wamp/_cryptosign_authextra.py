"""What a client adds to HELLO for cryptosign, as an object."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["CryptosignAuthextra"]

_BINDINGS: Final = ("tls-unique", "tls-exporter")

# The fields in the order of the constructor, and what each is: the number of octets, 0 for a number, -1 for a channel binding.
_FIELDS: Final = {
    "pubkey": 32,
    "challenge": 32,
    "channel_binding": -1,
    "channel_id": 32,
    "trustroot": 20,
    "realm": 20,
    "chain_id": 0,
    "block_no": 0,
    "delegate": 20,
    "seeder": 20,
    "bandwidth": 0,
    "signature": 65,
}
_ADDRESS: Final = 20  # octets; written with "0x" before the digits
_TOP: Final = ("pubkey", "challenge", "channel_binding", "channel_id", "trustroot")
_RESERVATION: Final = ("chain_id", "block_no", "realm", "delegate", "seeder", "bandwidth")


class CryptosignAuthextra:
    """The `authextra` of cryptosign.

    Args:
        pubkey: The client's public key, 32 octets.
        challenge: What the router has to sign, 32 octets.
        channel_binding: "tls-unique" or "tls-exporter".
        channel_id: The id of the TLS channel, 32 octets.
        trustroot: An address of Ethereum's, 20 octets, as those that follow.
        realm: The realm that is reserved.
        chain_id: The chain of the reservation.
        block_no: Its block.
        delegate: Who acts for somebody.
        seeder: Who seeds.
        bandwidth: The bandwidth that is reserved.
        signature: The signature of the reservation, 65 octets.

    Raises:
        ValueError: A value has the wrong type or length.
    """

    pubkey: bytes | None
    challenge: bytes | None
    channel_binding: str | None
    channel_id: bytes | None
    trustroot: bytes | None
    realm: bytes | None
    chain_id: int | None
    block_no: int | None
    delegate: bytes | None
    seeder: bytes | None
    bandwidth: int | None
    signature: bytes | None

    def __init__(
        self,
        pubkey: bytes | None = None,
        challenge: bytes | None = None,
        channel_binding: str | None = None,
        channel_id: bytes | None = None,
        trustroot: bytes | None = None,
        realm: bytes | None = None,
        chain_id: int | None = None,
        block_no: int | None = None,
        delegate: bytes | None = None,
        seeder: bytes | None = None,
        bandwidth: int | None = None,
        signature: bytes | None = None,
    ) -> None:
        values: list[Any] = [pubkey, challenge, channel_binding, channel_id, trustroot, realm]
        values += [chain_id, block_no, delegate, seeder, bandwidth, signature]
        for (name, size), value in zip(_FIELDS.items(), values, strict=True):
            if value is not None:
                _check(name, size, value)
            setattr(self, name, value)

    @staticmethod
    def parse(data: dict[str, Any]) -> CryptosignAuthextra:
        """Read what `marshal` writes; other keys are passed over.

        Raises:
            ValueError: A value has the wrong type or length.
        """
        reservation = data.get("reservation", {})
        if not isinstance(reservation, dict):
            raise ValueError(f"invalid type {type(reservation)} for reservation")
        given = {name: data[name] for name in (*_TOP, "signature") if data.get(name) is not None}
        given |= {name: reservation[name] for name in _RESERVATION if reservation.get(name) is not None}
        return CryptosignAuthextra(**{name: _read(name, _FIELDS[name], value) for name, value in given.items()})

    def marshal(self) -> dict[str, Any]:
        """Return it as HELLO carries it."""
        found = {name: self._written(name) for name in _TOP if getattr(self, name) is not None}
        reservation = {name: self._written(name) for name in _RESERVATION if getattr(self, name) is not None}
        if reservation:
            found["reservation"] = reservation
        if self.signature is not None:
            found["signature"] = self.signature.hex()
        return found

    def _written(self, name: str) -> Any:
        value = getattr(self, name)
        if not isinstance(value, bytes):
            return value
        return f"0x{value.hex()}" if _FIELDS[name] == _ADDRESS else value.hex()


def _check(name: str, size: int, value: Any) -> None:
    if size == -1:
        if value not in _BINDINGS:
            raise ValueError(f'invalid value "{value}" for {name}')
    elif size == 0:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"invalid type {type(value)} for {name} - expected an integer")
    elif not isinstance(value, bytes) or len(value) != size:
        raise ValueError(f"{name} must be {size} octets")


def _read(name: str, size: int, value: Any) -> Any:
    """Turn hexadecimal digits into octets; other values are left to the constructor."""
    if size <= 0:
        return value
    if not isinstance(value, str):
        raise ValueError(f"invalid type {type(value)} for {name}")
    prefix = "0x" if size == _ADDRESS else ""
    digits = value.removeprefix(prefix)
    try:
        if value.startswith(prefix) and len(digits) == 2 * size:
            return bytes.fromhex(digits)
    except ValueError:
        pass  # told below
    raise ValueError(f"{name} must be {2 * size} hexadecimal digits{' after 0x' if prefix else ''}")
