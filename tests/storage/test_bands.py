"""Bands of signatures: who shares one."""

from __future__ import annotations

import random
from base64 import b64encode

import pytest

from storage.bands import BANDS, VALUES, band_keys


def signature(values: list[int]) -> str:
    return b64encode(b"".join(value.to_bytes(2, "little") for value in values)).decode()


def a_pair(rng: random.Random, share: float) -> tuple[str, str]:
    """Two signatures of which *share* of the values are equal, as those of texts with that share of shingles in common."""
    one = [rng.getrandbits(16) for _ in range(BANDS * VALUES)]
    return signature(one), signature([value if rng.random() < share else rng.getrandbits(16) for value in one])


@pytest.mark.parametrize(("share", "least", "most"), [(0.2, 0.0, 0.01), (0.3, 0.0, 0.03), (0.75, 0.93, 0.99), (0.9, 0.99, 1.0)])
def test_texts_with_much_in_common_share_a_band_and_others_do_not(share: float, least: float, most: float) -> None:
    rng = random.Random(1)
    pairs = [a_pair(rng, share) for _ in range(1000)]
    found = sum(not set(band_keys(one)).isdisjoint(band_keys(other)) for one, other in pairs) / len(pairs)
    assert least <= found <= most


def test_equal_values_in_different_bands_have_different_keys() -> None:
    keys = list(band_keys(signature([7] * BANDS * VALUES)))
    assert len(set(keys)) == BANDS


def test_keys_stay_what_they_are_and_fit_a_column() -> None:
    keys = list(band_keys(signature(list(range(BANDS * VALUES)))))
    assert keys[:2] == [9117053269228481520, 2068798538621825476]
    assert all(-(2**63) <= key < 2**63 for key in keys)
