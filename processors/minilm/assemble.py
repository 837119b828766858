"""A model's files → a spaCy pipeline folder: tokenizer, ``minilm``, rule lemmatizer.

python -m processors.minilm.assemble MODEL_FOLDER PIPELINE_FOLDER [NAME VERSION]

Needs the package spacy-lookups-data (MIT) for the tables of lemmas; the pipeline itself then does not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import spacy
from spacy.lang.char_classes import ALPHA, HYPHENS
from spacy.language import Language
from spacy.util import compile_infix_regex, compile_prefix_regex, compile_suffix_regex

from processors.languages import any_language
from processors.minilm.component import NAME

# Universal Dependencies call auxiliaries AUX, which spaCy's tables know only as verbs, and split clitics.
_FORMS: dict[str, dict[str, list[str]]] = {
    "aux": {
        **{f"{apostrophe}{form}": [lemma] for apostrophe in "'’" for form, lemma in
           (("s", "be"), ("m", "be"), ("re", "be"), ("ve", "have"), ("d", "would"), ("ll", "will"))},
        "wo": ["will"], "ca": ["can"], "sha": ["shall"],
        **{form: [form] for form in ("could", "would", "might", "should", "can", "may", "must", "will", "shall")},
    },
    "part": {"n't": ["not"], "n’t": ["not"], "nt": ["not"], "’s": ["'s"]},
    "det": {"an": ["a"], "these": ["this"], "those": ["that"]},
    "pron": {"me": ["I"], "him": ["he"], "them": ["they"], "us": ["we"], "her": ["she"], "my": ["my"],
             "these": ["this"], "those": ["that"]},
}  # fmt: skip
_PREFIXES = ("e", "non", "pre", "post", "semi", "inter", "intra", "sub", "multi")
_RUNS = (r"[!?]{2,}", *(rf"{re.escape(mark)}{{2,}}" for mark in "*=_~#$<>"))
SPACY = ">=3.8.7,<3.9.0"
_TABLES = ("lemma_exc", "lemma_index", "lemma_rules")


def assemble(model: Path, name: str = "dateline_minilm", version: str = "0.1.0") -> Language:
    """Return an English pipeline around the model's files in the folder *model*."""
    nlp = spacy.blank("en")
    follow_treebanks(nlp)
    component: Any = nlp.add_pipe(NAME, name="minilm")
    component.from_disk(model)
    lemmatizer: Any = nlp.add_pipe("lemmatizer", config={"mode": "rule"})
    lemmatizer.initialize(list, nlp=nlp)
    complete_tables(lemmatizer.lookups)
    nlp.meta.update(
        name=name,
        version=version,
        license="CC BY-SA 4.0",
        description="English news: MiniLM with heads, on onnxruntime",
        spacy_version=SPACY,  # spaCy would write the version at hand, and warn users of an older one
    )
    return nlp


def follow_treebanks(nlp: Language) -> None:
    """Have the tokenizer cut as the treebanks do what spaCy's cuts otherwise.

    One word are an abbreviation with its dot (Sgt., Capt.), a noun or adjective behind a prefix and a hyphen (non-member), and
    a run of one mark (!!!, ****). Verbs stay apart from theirs (re-impose): the lexicon knows them without.
    """
    tokenizer: Any = nlp.tokenizer
    for word in sorted(any_language(nlp.lang or "en").abbreviations):
        tokenizer.add_special_case(word.capitalize(), [{"ORTH": word.capitalize()}])
    defaults: Any = nlp.Defaults
    infixes = list(defaults.infixes)
    hyphen = infixes.index(rf"(?<=[{ALPHA}0-9])(?:{HYPHENS})(?=[{ALPHA}])")
    unless = "".join(rf"(?<!\b[{prefix[0]}{prefix[0].upper()}]{prefix[1:]})" for prefix in _PREFIXES)
    infixes[hyphen] = f"{unless}{infixes[hyphen]}"
    tokenizer.infix_finditer = compile_infix_regex(infixes).finditer
    tokenizer.prefix_search = compile_prefix_regex([*_RUNS, *defaults.prefixes]).search
    tokenizer.suffix_search = compile_suffix_regex([*_RUNS, *defaults.suffixes]).search


def complete_tables(lookups: Any) -> None:
    """Give the lemma tables what Universal Dependencies need: auxiliaries, clitics, pronouns."""
    for table in map(lookups.get_table, _TABLES):
        if "verb" in table:
            table["aux"] = table["verb"]
    index = lookups.get_table("lemma_index")
    for pos in index:
        index[pos] = dict.fromkeys(index[pos], 1)  # a list would be searched from end to end for every new word
    exceptions = lookups.get_table("lemma_exc")
    for pos, forms in _FORMS.items():
        exceptions[pos] = {**exceptions.get(pos, {}), **forms}
        for table in map(lookups.get_table, _TABLES[1:]):
            if pos not in table:
                table[pos] = {} if table is index else []


def main(arguments: Sequence[str]) -> None:
    """Write the pipeline."""
    model, pipeline, *rest = arguments
    assemble(Path(model), *rest).to_disk(pipeline)


if __name__ == "__main__":
    main(sys.argv[1:])
