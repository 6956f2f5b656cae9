"""What SCRAM computes (RFC 5802 and RFC 7677, with Argon2id as WAMP adds it): salted passwords, keys, proofs. No messages here."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
from argon2.low_level import ARGON2_VERSION, Type, hash_secret_raw

from ._octets import mac, sha256

ARGON2: Final = "argon2id13"
PBKDF2: Final = "pbkdf2"

# A rogue router asks for little work, to guess the password from the answer, or for very much, to keep the client busy (SC-C2).
PBKDF2_ITERATIONS: Final = range(4096, 10_000_001)
ARGON2_ITERATIONS: Final = range(1, 100_001)
ARGON2_MEMORY: Final = range(8, 256 * 1024 + 1)  # KiB
ARGON2_WORK: Final = range(32 * 1024, 16 * 1024 * 1024 + 1)  # KiB times iterations
SALT_SIZES: Final = range(8, 257)  # octets
KEY_SIZE: Final = 32


class Costs(msgspec.Struct, frozen=True):
    """How a password becomes a key.

    Attributes:
        kdf: "argon2id13" or "pbkdf2".
        iterations: Its iterations.
        memory: Its memory in KiB, for Argon2; else 0.
    """

    kdf: str
    iterations: int
    memory: int = 0

    def check(self) -> None:
        """Check that it is neither too little work nor too much.

        Raises:
            ValueError: It is, or the function is not known.
        """
        if self.kdf == PBKDF2:
            is_fine = self.iterations in PBKDF2_ITERATIONS
        elif self.kdf == ARGON2:
            work = self.iterations * self.memory
            is_fine = self.iterations in ARGON2_ITERATIONS and self.memory in ARGON2_MEMORY and work in ARGON2_WORK
        else:
            raise ValueError("unknown key derivation function")
        if not is_fine:
            raise ValueError(f"{self.kdf} with parameters that are out of bounds")


DEFAULT_COSTS: Final = Costs(ARGON2, iterations=4, memory=32 * 1024)


def salted_password(password: str, salt: bytes, costs: Costs) -> bytes:
    """Derive the salted password; this is what takes time (SC-C5).

    Args:
        password: The password, normalized.
        salt: The salt.
        costs: How; checked.
    """
    secret = password.encode("utf-8")
    if costs.kdf == PBKDF2:
        return hashlib.pbkdf2_hmac("sha256", secret, salt, costs.iterations, KEY_SIZE)
    return hash_secret_raw(secret, salt, costs.iterations, costs.memory, 1, KEY_SIZE, Type.ID, version=ARGON2_VERSION)


class Keys(msgspec.Struct, frozen=True):
    """What follows from a salted password. A router keeps the last two."""

    client_key: bytes
    stored_key: bytes
    server_key: bytes

    @classmethod
    def of(cls, salted: bytes) -> Keys:
        """Derive the keys."""
        client_key = mac(salted, b"Client Key")
        return cls(client_key, sha256(client_key), mac(salted, b"Server Key"))

    def __repr__(self) -> str:
        return "<Keys>"


def auth_message(authid: str, client_nonce: str, nonce: str, *, salt: str, iterations: int, binding: str) -> bytes:
    """Put together what both sides sign.

    Args:
        authid: The identity, normalized.
        client_nonce: The client's nonce, as it was sent.
        nonce: The nonce of both, as it was sent.
        salt: The salt, as it was sent.
        iterations: The iterations.
        binding: The channel binding, in base64: "biws" for none.
    """
    name = authid.replace("=", "=3D").replace(",", "=2C")
    return f"n={name},r={client_nonce},r={nonce},s={salt},i={iterations},c={binding},r={nonce}".encode()


def client_proof(keys: Keys, message: bytes) -> bytes:
    """Prove that the client knows the password."""
    return xor(keys.client_key, mac(keys.stored_key, message))


def recovered_stored_key(stored_key: bytes, message: bytes, proof: bytes) -> bytes:
    """Return the stored key of whoever made a proof; it equals `stored_key` if the proof is right."""
    return sha256(xor(proof, mac(stored_key, message)))


def server_signature(server_key: bytes, message: bytes) -> bytes:
    """Prove that the router knows the password's keys."""
    return mac(server_key, message)


def xor(one: bytes, other: bytes) -> bytes:
    """Combine octets of the same length."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
