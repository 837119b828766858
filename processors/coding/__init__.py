"""The event coder (``processors.events``), room by room, in the order in which a word becomes an event.

1. scene.py lays the document out in tokens (token.py, arcs mended by mending.py), syntax.py reads clauses; lexicon.py has the words.
2. triggers.py matches words against the tree and composes operators ("refused to allow") with what they govern.
3. modality.py decides from tense, negation and governing words whether it happened, and what it is if it lies ahead.
4. roles.py finds the actors, recipients.py to whom they do it; parties.py says who that is, with naming.py (a word), phrases.py (its
   phrase), affiliation.py (country, sector), coreference.py (pronouns) and housing.py (what goes without saying).
5. details.py adds the rest (dates.py, places.py, magnitudes.py with counts.py, contexts.py), attribution.py who says so.
6. merging.py makes one event (drafts.py) of what is told twice, retellings.py adds what is said of it without its parties.
7. confidence.py says how sure an event is, by the curve that calibration.py reads.
"""
