"""The test bench: our gold is sound, and what is found is counted as the gold says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import accuracy
from benchmarks.evaluate import annotate, gold_sets
from benchmarks.sets.gold import Gold, matched, parse_gold
from benchmarks.sets.gsr import to_scorer
from benchmarks.sets.plv import Plv, between
from benchmarks.sets.prose import Prose
from benchmarks.sets.reports import reports, stories
from benchmarks.sets.score import Counts, Score
from processors.coding.lexicon import TYPES, load_lexicon

TEXT = "France met Italy and condemned Spain. It will not attack."
MEETING = "+ | CONSULT/visit, AGREE | asserted | FRA, ITA | - | - | - | France met Italy"
BLAME = "+ | ACCUSE | asserted | FRA | ESP? | 2024-05 | Paris | condemned Spain"


def event(type_: str, trigger: str, actors: str, recipients: str = "", **fields: Any) -> dict[str, Any]:
    start = TEXT.index(trigger)
    span = {"start": start, "end": start + len(trigger), "text": trigger}
    sides = [[{"text": c, "country": c} for c in side.split()] for side in (actors, recipients)]
    return {
        "id": "v1", "type": type_, "modality": "asserted", "trigger": span, "mentions": [span], "actors": sides[0], "recipients": sides[1],
        "contexts": [], "magnitudes": {}, "confidence": 0.5, **fields,
    }  # fmt: skip


def gold(*lines: str) -> list[Gold]:
    return [parse_gold(line, TEXT) for line in lines]


@pytest.mark.parametrize(("told", "judged"), [("SANCTION", []), ("COERCE", [True]), ("AID", [False])])
def test_a_pair_is_not_judged_where_its_gold_is_older_than_the_manual(tmp_path: Path, told: str, judged: list[bool]) -> None:
    file = tmp_path / "plv.tsv"
    file.write_text("sentence\tsource\ttarget\tgold_root\nNorway imposed sanctions on Belarus.\tNorway\tBelarus\tCOERCE\n")
    event = {"id": "v0", "type": told, "actors": [{"text": "Norway"}], "recipients": [{"text": "Belarus"}], "confidence": 0.5}
    assert [right for *_, right in Plv(file).judge({"plv0": {"events": [event]}})] == judged


def test_every_line_of_our_gold_can_be_read_and_uses_words_of_the_ontology() -> None:
    lines = [line for texts in (reports(), stories()) for found in texts.gold.values() for line in found]
    modes = {mode for _, mode in load_lexicon("en").types}
    assert len(lines) > 400
    assert {type_ for line in lines for type_, _ in line.types} <= TYPES
    assert {mode for line in lines for _, mode in line.types} <= modes
    assert set(Counter(line.status for line in lines)) == {"+", "?", "!"}


def test_the_prose_without_events_is_long_enough_to_count_on() -> None:
    assert sum(len(text["text"].split()) for text in Prose().texts()) > 2500


def test_a_quote_that_does_not_stand_in_its_report_is_refused() -> None:
    with pytest.raises(ValueError, match="stands 0 times"):
        gold("+ | CONSULT | asserted | FRA | - | - | - | France greeted Italy")


@pytest.mark.parametrize(
    ("found", "right"),
    [
        (event("CONSULT", "met", "FRA ITA"), True),
        (event("CONSULT", "met", "FRA", "ITA"), True),
        (event("AGREE", "met", "FRA ITA"), True),
        (event("CONSULT", "met", "FRA"), False),
        (event("CONSULT", "met", "FRA ITA ESP"), False),
        (event("CONSULT", "condemned", "FRA ITA"), False),
        (event("SUPPORT", "met", "FRA ITA"), False),
    ],
    ids=["together", "side by side", "another type that is right", "a party short", "a party too many", "other words", "a wrong type"],
)
def test_a_line_is_told_by_an_event_of_its_type_at_its_words_with_its_parties(found: dict[str, Any], right: bool) -> None:
    assert bool(matched(gold(MEETING), [found])) == right


def test_an_optional_country_may_be_left_out_but_the_sides_of_a_blame_are_kept_apart() -> None:
    assert matched(gold(BLAME), [event("ACCUSE", "condemned", "FRA")])
    assert not matched(gold(BLAME), [event("ACCUSE", "condemned", "FRA ESP")])


def test_one_event_tells_one_line_and_what_has_to_be_found_comes_first() -> None:
    assert matched(gold(MEETING.replace("+", "?"), MEETING), [event("CONSULT", "met", "FRA ITA")]) == {1: 0}


def test_the_pair_of_a_sentence_may_stand_on_both_sides_or_act_together() -> None:
    assert between(event("ACCUSE", "condemned", "FRA", "ESP"), "FRA", "ESP")
    assert between(event("CONSULT", "met", "FRA ITA"), "ITA", "FRA")
    assert not between(event("ACCUSE", "condemned", "FRA", "ESP"), "ESP", "FRA")


def test_the_scorer_gets_a_location_a_size_and_lower_bounds() -> None:
    found = event("PROTEST", "met", "FRA", place={"name": "Paris"}, magnitudes={"crowd": {"min": 200, "max": None}})
    assert (to_scorer(found)["location"], to_scorer(found)["magnitudes"]) == ({"text": "Paris"}, {"size": 200})


def test_sets_whose_data_are_not_here_are_told_to_be_absent(tmp_path: Any) -> None:
    sets, absent = gold_sets(tmp_path)
    assert [s.name for s in sets] == ["reports", "stories", "prose"]
    assert len(absent) == 3


def test_a_text_that_cannot_be_annotated_does_not_take_the_others_along() -> None:
    texts: list[dict[str, Any]] = [{"id": "a", "text": TEXT}, {"id": "b"}, {"id": "c", "text": TEXT}]  # "b" has no text
    assert set(annotate(texts)) == {"a", "c"}


def test_the_document_shows_figures_classes_errors_and_what_is_absent() -> None:
    score = Score(figures={"required_recall": 0.5, "words": 1200}, errors=Counter({"false AGREE": 2}))
    score.classes["AGREE"] = Counts(right=1, false=2, missed=1)
    of = {"name": "en_x", "version": "1", "knowledge": "k", "lexicon": "l"}
    text = accuracy.as_text(accuracy.Result(of, {"reports": ("Reports", score)}, ("Whole articles",), ("reports:x",)))
    for part in ("lexicon l", "required recall | 0.500", "1,200", "AGREE |", "0.333", "false AGREE", "Absent", "reports:x"):
        assert part in text
