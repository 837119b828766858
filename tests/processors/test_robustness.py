"""Whatever a parser or a feed hands in, the coder answers: trees gone wrong, words in no order, texts that are no prose."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import NamedTuple

import pytest

from dateline.demo.content import load_outlets
from processors.annotate import Annotator
from processors.coding.lexicon import load_lexicon
from processors.entities import find_entities
from processors.events import code_events
from processors.facts import DocumentFacts
from processors.knowledge import load_knowledge
from processors.times import find_times
from stream.messages import Article
from tests.processors.handmade import constructions, make_doc, make_facts

DAY = date(2024, 5, 13)
KNOWLEDGE = load_knowledge()
LABELS = """
nsubj nsubjpass csubj dobj dative pobj prep agent xcomp ccomp advcl acl relcl conj cc appos poss amod nmod compound det aux auxpass neg mark
advmod attr acomp oprd prt pcomp punct npadvmod parataxis dep nummod case meta
"""
SMALL_WORDS = """
both his her their its he she they it each other the two leaders sides dozens thousands of if that who n't not , ' ( —
"""


class Node(NamedTuple):
    """One word of a tree; *head* is the index of its governor in the same sentence."""

    word: str
    lemma: str
    tag: str
    dep: str
    head: int


@cache
def sentences() -> tuple[tuple[Node, ...], ...]:
    """Return the trees of constructions.txt."""
    return tuple(
        tuple(Node(w, lemma, tag, dep, int(head)) for w, lemma, tag, dep, head in (item.rsplit("/", 4) for item in c.tree.split()))
        for c in constructions()
    )


@cache
def vocabulary() -> dict[str, list[str]]:
    """Return words by tag: those of the trees, those of the lexicon, and the small words that steer."""
    found = defaultdict(list)
    for node in (node for sentence in sentences() for node in sentence):
        found[node.tag].append(node.lemma)
    lexicon = load_lexicon("en")
    for tags, words in (("VB VBD VBZ VBN VBG", lexicon.verbs), ("NN NNS", lexicon.nouns), ("JJ", lexicon.adjectives)):
        for tag in tags.split():
            found[tag].extend(sorted(words))
    found["any"] = SMALL_WORDS.split() + sorted({word for cue in lexicon.cues.values() for word in cue if word.isalpha()})
    return found


def broken(rng: random.Random) -> str:
    """Return one to four sentences as make_doc reads them, with some of their words, labels and arcs exchanged.

    A tree stays a tree: no word comes to hang from itself. Sometimes all become one sentence.
    """
    nodes: list[Node] = []
    swap, relabel, rehang = (rng.choice((0, 0.05, 0.2, 0.5)) for _ in range(3))
    for sentence in rng.choices(sentences(), k=rng.choice((1, 1, 2, 4))):
        nodes += _shifted(_rehung(rng, sentence, rehang), len(nodes))
    nodes = [_changed(rng, node, swap, relabel, node.head == i) for i, node in enumerate(nodes)]
    if rng.random() < 0.3:
        nodes = _joined(rng, nodes)
    return " ".join("/".join(map(str, node)) for node in nodes)


def _rehung(rng: random.Random, sentence: Sequence[Node], share: float) -> list[Node]:
    nodes = list(sentence)
    for i in rng.sample(range(len(nodes)), int(share * len(nodes))):
        head = above = rng.randrange(len(nodes))
        while above != i and nodes[above].head != above:
            above = nodes[above].head
        if above != i and nodes[i].head != i:
            nodes[i] = nodes[i]._replace(head=head)
    return nodes


def _shifted(nodes: Sequence[Node], offset: int) -> list[Node]:
    return [node._replace(head=node.head + offset) for node in nodes]


def _changed(rng: random.Random, node: Node, swap: float, relabel: float, root: bool) -> Node:
    if rng.random() < swap:
        word = rng.choice(vocabulary()[rng.choice((node.tag, node.tag, "any"))])
        node = node._replace(word=word, lemma=word)
    return node._replace(dep=rng.choice(LABELS.split())) if rng.random() < relabel and not root else node


def _joined(rng: random.Random, nodes: Sequence[Node]) -> list[Node]:
    roots = [i for i, node in enumerate(nodes) if node.head == i]
    above = dict(zip(roots[1:], roots, strict=False))
    return [node._replace(head=above[i], dep=rng.choice(LABELS.split())) if i in above else node for i, node in enumerate(nodes)]


@pytest.mark.parametrize("seed", range(6))
def test_any_tree_at_all_is_coded_without_an_exception(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(150):
        doc = make_doc(broken(rng))
        for facts in (make_facts(doc, DAY), DocumentFacts(find_entities(doc, KNOWLEDGE), find_times(doc, DAY), DAY)):
            for event in code_events(doc, facts, KNOWLEDGE):
                assert all(doc.text[p.start : p.end] for p in (event.trigger, *event.actors, *event.recipients))


def test_both_sides_and_what_is_theirs_do_not_lead_round_in_a_circle() -> None:
    doc = make_doc("Both/both/DT/det/1 sides/side/NNS/nsubj/2 agreed/agree/VBD/ROOT/2 their/their/PRP$/poss/1 truce/truce/NN/dobj/2")
    assert isinstance(code_events(doc, make_facts(doc), KNOWLEDGE), tuple)


@pytest.mark.parametrize(
    "links",
    [
        ("dozens/dozen/NNS/pobj", "of/of/IN/prep"),
        ("agreed/agree/VBD/xcomp",),
        ("said/say/VBD/ccomp",),
        ("plan/plan/NN/pobj", "for/for/IN/prep"),
        ("talks/talk/NNS/conj",),
        ("president/president/NN/compound",),
        ("Russia/Russia/NNP/poss",),
        ("refused/refuse/VBN/advcl", "leaders/leader/NNS/nsubj"),
        ("he/he/PRP/nsubj", "threatened/threaten/VBD/relcl"),
        ("people/people/NNS/appos",),
    ],
    ids=lambda links: links[0].partition("/")[0],
)
@pytest.mark.parametrize("leftward", [True, False], ids=["down", "up"])
def test_a_chain_of_two_thousand_words_is_coded_without_an_exception(links: tuple[str, ...], leftward: bool) -> None:
    n = 2000
    heads = [max(i - 1, 0) if leftward else min(i + 1, n - 1) for i in range(n)]
    doc = make_doc(" ".join(f"{links[i % len(links)]}/{head}" for i, head in enumerate(heads)))
    assert isinstance(code_events(doc, make_facts(doc), KNOWLEDGE), tuple)


# --- texts, through the whole annotator

TEXTS = {
    "no verbs": "Ukraine, Russia, the United States.\n\nA new war? No peace in sight. Nothing from Moscow; more from Kyiv on Monday.",
    "table": "Country\tKilled\tInjured\n" + "".join(f"Syria\t{n}\t{2 * n}\n| Iraq | {n} | — |\n" for n in range(60)),
    "menu": " | ".join(("Home", "World", "Attacks", "War in Ukraine", "Sign in", "Protests", "© 2024")) * 20,
    "capitals": "RUSSIA ATTACKS UKRAINE AS BIDEN WARNS PUTIN: U.S. WILL IMPOSE SANCTIONS IF TROOPS DON'T WITHDRAW BY MONDAY",
    "small letters": "president obama met with chancellor merkel in berlin on monday and urged russia to withdraw its troops",
    "Chinese": "中国外交部发言人周一表示，中方愿与美国举行会谈。" * 20,
    "Russian": "Президент России Владимир Путин в понедельник встретился с президентом Турции Эрдоганом в Анкаре. " * 10,
    "Hindi": "प्रधानमंत्री नरेंद्र मोदी ने सोमवार को वाशिंगटन में राष्ट्रपति से मुलाकात की। " * 10,
    "German": "Bundeskanzlerin Merkel hat am Montag in Berlin den russischen Präsidenten Putin getroffen und Sanktionen angedroht. " * 5,
    "mixed": "Putin said «мы готовы» and 习近平 agreed to meet él en أنقرة on Monday.",
    "wrong charset": "The presidentâ€™s â€œwarâ€\x9d with RÃ¼ssia Ã¢â‚¬â€œ Ukraine� attacked on Montagâ€¦",
    "zero width": "Rus\u200bsia at\u200dtacked\ufeff Uk\u00adraine on\u2060 Mon\u200cday.",
    "stacked quotes": "".join('"He said ' for _ in range(150)) + "attack" + '"' * 150,
    "nested clauses": "Russia said that " * 120 + "Ukraine attacked.",
    "of of of": "thousands of dozens of " * 150 + "people protested against the government of " * 40 + "Iran.",
    "his and his": "Obama and his party and his allies and their supporters and their leaders accused him and his. " * 10,
    "punctuation": "?!…—–()[]{}<>«»“”‘’|/\\*&^%$#@~`±§ " * 60,
    "marks alone": "\u0301\u0302\u200d\ufe0f\u20e3" * 200,
    "one long name": "President " * 300 + "Obama",
    "ages of numbers": "At least 12 to 3,000 to 5,000 of 40 or 50 " * 60 + "were killed.",
    "headers": "\n".join(f"{n}. RUSSIA – THREATENS – UKRAINE:" for n in range(60)),
}


@pytest.fixture(scope="module")
def annotator() -> Annotator:
    return Annotator()


def _annotate(annotator: Annotator, text: str) -> None:
    article = Article.model_validate({"id": "a", "text": text, "language": "en", "published_at": datetime(2024, 5, 13, tzinfo=UTC)})
    (annotated,) = annotator.annotate([article])
    for event in annotated.events:
        for span in (event.trigger, event.sentence, *event.mentions, *event.actors, *event.recipients):
            assert 0 <= span.start < span.end <= len(annotated.article.text)


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_no_english_prose_is_annotated_without_an_exception(annotator: Annotator, name: str) -> None:
    _annotate(annotator, TEXTS[name])


@pytest.mark.parametrize("seed", range(4))
def test_words_of_news_in_any_order_with_any_characters_between_are_annotated(annotator: Annotator, seed: int) -> None:
    rng = random.Random(seed)
    words = [word for outlet in load_outlets() for report in outlet.reports for p in report.paragraphs for word in p.split(" ")]
    text = rng.choices(words, k=600) + [chr(rng.choice((rng.randrange(1, 0x3000), rng.randrange(0xE000, 0x1FFFF)))) for _ in range(60)]
    rng.shuffle(text)
    _annotate(annotator, "".join(word + rng.choice(("", " ", " ", " ", " ", "\n", "\n\n")) for word in text))
