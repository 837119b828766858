"""A model's files → a spaCy pipeline folder: tokenizer, ``minilm``, rule lemmatizer.

python -m processors.minilm.assemble MODEL_FOLDER PIPELINE_FOLDER [NAME VERSION]

Needs the package spacy-lookups-data (MIT) for the tables of lemmas; the pipeline itself then does not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language

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
SPACY = ">=3.8.7,<3.9.0"
_TABLES = ("lemma_exc", "lemma_index", "lemma_rules")


def assemble(model: Path, name: str = "dateline_minilm", version: str = "0.1.0") -> Language:
    """Return an English pipeline around the model's files in the folder *model*."""
    nlp = spacy.blank("en")
    keep_abbreviations(nlp)
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


def keep_abbreviations(nlp: Language) -> None:
    """Make one token, as treebanks have it, of the abbreviations that spaCy cuts before the dot (Sgt., Capt., Brig.)."""
    tokenizer: Any = nlp.tokenizer
    for word in sorted(any_language(nlp.lang or "en").abbreviations):
        tokenizer.add_special_case(word.capitalize(), [{"ORTH": word.capitalize()}])


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
