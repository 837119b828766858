"""The bands of a MinHash signature: which articles are worth comparing (docs/decisions/0014). Pure."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from hashlib import blake2b

BANDS = 16
VALUES = 6  # of 16 bits, in each band


def band_keys(minhash: str) -> Iterator[int]:
    """Yield the key of each band of *minhash*, as ``Article`` carries it, in order: 64 bits, signed as the databases have it.

    Two texts with a share *s* of their shingles in common have a key in common with probability 1 - (1 - s ** VALUES) ** BANDS.
    """
    signature, size = b64decode(minhash), VALUES * 2
    for band in range(BANDS):
        values = signature[band * size : (band + 1) * size]
        yield int.from_bytes(blake2b(values, digest_size=8, salt=bytes([band])).digest(), signed=True)
