"""An event on its way from the word that tells of it to a row of the annotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from processors.coding.parties import Party
from processors.coding.scene import Scene
from processors.coding.token import Token
from stream.messages import Event


class Who(NamedTuple):
    """What tells whether two tellings mean the same party; *is_state* where it is a country or its government by name.

    *head* is the token that heads it, *noun* its lemma.
    """

    head: int
    entity: str | None
    noun: str
    country: str | None
    sector: str | None
    is_state: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """An event with the words that tell of it, its trigger first.

    *content* is the type of the act that the words name: CONSULT for "plans to meet", which is an event of type AGREE. *signs* is
    what its confidence is computed from.
    """

    heads: tuple[Token, ...]
    event: Event
    content: str
    actors: tuple[Who, ...]
    recipients: tuple[Who, ...]
    signs: frozenset[str] = frozenset()

    @property
    def order(self) -> int:
        """Return the first token of the trigger."""
        return self.heads[0].i


def who(scene: Scene, parties: tuple[Party, ...]) -> tuple[Who, ...]:
    """Return what is compared of *parties*."""
    return tuple(
        Who(p.head, p.value.entity, scene.lemma_of[p.head], p.value.country, p.value.sector, _is_state(scene, p.head)) for p in parties
    )


def _is_state(scene: Scene, head: int) -> bool:
    entity = scene.entity_of[head]
    return entity is not None and bool(scene.knowledge.country_named(entity.name) or scene.knowledge.metonym(entity.name))
