"""Signatures of texts: what counts, what does not, and how well they estimate what two texts share."""

from __future__ import annotations

import random
from base64 import b64decode
from collections.abc import Callable

import pytest

from ingest.minhash import MIN_WORDS, PERMUTATIONS, SHINGLE, minhash_of
from stream.messages import MINHASH_CHARS

WORDS = [a + b for a in ("ba", "ke", "lo", "mi", "nu", "ra", "se", "to") for b in ("dor", "gan", "hel", "kov", "lin", "mar", "pet", "ris")]


def story(words: int, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return [rng.choice(WORDS) for _ in range(words)]


def values(signature: str | None) -> list[bytes]:
    assert signature is not None
    raw = b64decode(signature)
    return [raw[i : i + 2] for i in range(0, len(raw), 2)]


def estimate(one: str, other: str) -> float:
    pairs = zip(values(minhash_of(one)), values(minhash_of(other)), strict=True)
    return sum(a == b for a, b in pairs) / PERMUTATIONS


def shared(one: list[str], other: list[str]) -> float:
    a, b = ({tuple(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)} for words in (one, other))
    return len(a & b) / len(a | b)


def test_a_signature_has_the_length_that_messages_give_it() -> None:
    signature = minhash_of(" ".join(story(200)))
    assert signature is not None
    assert len(signature) == MINHASH_CHARS


def test_a_text_of_few_words_has_none() -> None:
    words = story(MIN_WORDS)
    assert minhash_of(" ".join(words[1:])) is None
    assert minhash_of(" ".join(words)) is not None
    assert minhash_of("") is None
    assert minhash_of("— … !?" * 500) is None


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda text: text.upper(), id="case"),
        pytest.param(lambda text: text.replace(" ", "\n\n  "), id="spacing"),
        pytest.param(lambda text: f"“{text.replace(' ', ', ', 20)}” …", id="punctuation"),
        pytest.param(lambda text: text.replace("fi", "ﬁ"), id="ligatures"),
    ],
)
def test_what_does_not_count_does_not_change_it(changed: Callable[[str], str]) -> None:
    text = " ".join(["office", *story(100), "fire"])
    assert minhash_of(changed(text)) == minhash_of(text)


@pytest.mark.parametrize("cut", [0, 40, 150, 400])
def test_the_share_of_equal_values_estimates_the_share_of_equal_runs_of_words(cut: int) -> None:
    words = story(500)
    other = story(60, seed=2) + words[cut:]
    assert estimate(" ".join(words), " ".join(other)) == pytest.approx(shared(words, other), abs=0.15)


def test_different_stories_share_next_to_nothing() -> None:
    assert estimate(" ".join(story(400, seed=3)), " ".join(story(400, seed=4))) < 0.05


def test_a_language_without_spaces_is_read_by_its_characters() -> None:
    text = "".join(random.Random(5).choices("国务院总理星期一在北京会见了来访的外国代表团并就双边关系交换意见", k=200))
    assert estimate(text, text[:100] + "据报道" + text[100:]) > 0.8


def test_signatures_that_are_stored_stay_comparable() -> None:
    signature = minhash_of("one two three four five six seven eight nine ten " * 5)
    assert signature is not None
    assert signature.startswith("QGk6AWReVhOI7/92gB6m")


def test_a_very_long_text_is_signed_by_its_beginning() -> None:
    words = story(12_000, seed=6)
    assert minhash_of(" ".join(words)) == minhash_of(" ".join(words[:11_000]))
