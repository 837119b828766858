"""An event on its way from the word that tells of it to a row of the annotation."""

from __future__ import annotations

from dataclasses import dataclass

from spacy.tokens import Token

from stream.messages import Event


@dataclass(frozen=True, slots=True)
class Draft:
    """An event with the words that tell of it, its trigger first, and the keys of its parties, equal for the same party."""

    heads: tuple[Token, ...]
    event: Event
    actors: frozenset[str]
    recipients: frozenset[str]

    @property
    def order(self) -> int:
        """Return the first token of the trigger."""
        return self.heads[0].i
