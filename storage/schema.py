"""Tables of the storage side: articles, what was found in them, and the stage's own books.

Everything found in an article hangs on ``article_key``, a number, and *n*, its place in the document. ``annotations`` keeps
each AnnotatedArticle whole, so every table below it can be rebuilt without a pipeline. Offsets (``…_start`` and ``…_end``,
``start_char`` and ``end_char``) are half-open code points into ``articles.text``. Comments are the data dictionary:
``docs/data-dictionary.md`` is made of them.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from storage import schema_feeds
from storage.base import UtcDateTime, metadata
from storage.dialect import BigId, Json

FEED_TABLES = tuple(table for table in vars(schema_feeds).values() if isinstance(table, Table))


def _article_key(**options: Any) -> Column[int]:
    return Column("article_key", BigId, ForeignKey("articles.article_key", ondelete="CASCADE"), primary_key=True, **options)


articles = Table(
    "articles",
    metadata,
    Column("article_key", BigId, primary_key=True, autoincrement=True, comment="number of the article in this database"),
    Column("article_id", Text, nullable=False, unique=True, comment="its permanent id, the key of its messages"),
    Column("revision", Integer, nullable=False, comment="grows when the text changes"),
    Column("run", Integer, nullable=False, comment="annotation run; rows give way only to an equal or higher (revision, run)"),
    Column("status", Text, nullable=False, comment="annotated, or no-pipeline for a language that none is configured for"),
    Column("feed_id", Text, comment="feed that published this revision"),
    Column("entry_key", Text, comment="what the feed calls the entry: guid, else link, else a hash"),
    Column("url", Text, comment="canonical URL"),
    Column("link", Text, comment="URL as the feed gives it"),
    Column("outlet", Text, comment="who publishes the feed"),
    Column("country", Text, comment="of the outlet, ISO 3166 alpha-3"),
    Column("language", Text, comment="ISO 639-1"),
    Column("title", Text, nullable=False, comment="headline, also the first paragraph of text"),
    Column("text", Text, nullable=False, comment="the one text that is annotated: title, blank line, body"),
    Column("text_source", Text, nullable=False, comment="page, content, summary, title or given"),
    Column("truncated", Boolean, nullable=False, comment="whether the text was cut at 200,000 code points"),
    Column("authors", Json, nullable=False, comment="list of names"),
    Column("categories", Json, nullable=False, comment="list of the publisher's labels"),
    Column("published_at", UtcDateTime, comment="what the publisher says, or null"),
    Column("published_at_source", Text, comment="element that published_at was read from"),
    Column("first_seen_at", UtcDateTime, comment="when a feed first showed it to us"),
    Column("dated_at", UtcDateTime, nullable=False, comment="published_at, else first_seen_at, else stored_at: never null, for sorting"),
    Column("day", Date, nullable=False, comment="UTC day of dated_at"),
    Column("stored_at", UtcDateTime, nullable=False, comment="when this row was last written"),
    Column("minhash", Text, comment="MinHash signature of text: 96 values of 16 bits, little-endian, base64; null for short texts"),
    Index(None, "published_at"),
    Index(None, "dated_at"),
    Index(None, "day"),
    Index(None, "feed_id", "dated_at"),
    comment="Articles, one row each, in their newest revision",
)

article_revisions = Table(
    "article_revisions",
    metadata,
    _article_key(),
    Column("revision", Integer, primary_key=True, autoincrement=False, comment="grows when the text changes"),
    Column("title", Text, nullable=False),
    Column("text_hash", Text, nullable=False, comment="SHA-256 of text in UTF-8, hex"),
    Column("text", Text, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False, comment="when this revision was first stored"),
    comment="Every text that an article had",
)

annotations = Table(
    "annotations",
    metadata,
    _article_key(),
    Column("revision", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    Column("pipeline", Text, nullable=False, comment="name of the spaCy pipeline"),
    Column("pipeline_version", Text, nullable=False),
    Column("knowledge", Text, nullable=False, comment="version of the knowledge files"),
    Column("lexicon", Text, nullable=False, comment="version of the event lexicon"),
    Column("ontology", Text, nullable=False, comment="version of the event types"),
    Column("document", Json, nullable=False, comment="the AnnotatedArticle as `dateline annotate` prints it"),
    Column("stored_at", UtcDateTime, nullable=False),
    comment="Each AnnotatedArticle whole; what follows below can be rebuilt from it",
)

places = Table(
    "places",
    metadata,
    Column("place_key", BigId, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True, comment="geonames id, else name, country and rounded coordinates"),
    Column("run", Integer, nullable=False, comment="annotation run that last described it"),
    Column("name", Text, nullable=False),
    Column("country", Text, comment="ISO 3166 alpha-3"),
    Column("lat", Float, comment="degrees north"),
    Column("lon", Float, comment="degrees east"),
    Column("geonames_id", BigInteger),
    Column("precision", Text, comment="country, region, city or point"),
    Index(None, "country"),
    comment="Places that articles name",
)

entities = Table(
    "entities",
    metadata,
    Column("entity_key", BigId, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True, comment="the same for the same thing in every article that names it alike"),
    Column("run", Integer, nullable=False, comment="annotation run that last described it"),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False, comment="PERSON, ORG, GPE … (OntoNotes)"),
    Column("country", Text, comment="ISO 3166 alpha-3"),
    Column("sectors", Json, nullable=False, comment="list of PLOVER sector codes"),
    Column("place_key", BigId, ForeignKey("places.place_key", ondelete="SET NULL")),
    Index(None, "type"),
    Index(None, "country"),
    Index(None, "place_key"),
    comment="People, organisations, places and things, one row for all articles that name them alike",
)

entity_aliases = Table(
    "entity_aliases",
    metadata,
    Column("entity_key", BigId, ForeignKey("entities.entity_key", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("alias", Text, primary_key=True, comment="a wording by which an article named it"),
    Index(None, "alias"),
    comment="The wordings by which articles name an entity",
)

article_entities = Table(
    "article_entities",
    metadata,
    _article_key(),
    Column("n", Integer, primary_key=True, autoincrement=False, comment="place in the document's list, from 0"),
    Column("entity_key", BigId, ForeignKey("entities.entity_key", ondelete="CASCADE"), nullable=False),
    Column("local_id", Text, nullable=False, comment="id inside the document"),
    Column("name", Text, nullable=False, comment="fullest name in this article"),
    Column("type", Text, nullable=False),
    Column("mentions", Json, nullable=False, comment="list of {start, end, text, label}"),
    Column("mention_count", Integer, nullable=False),
    Index(None, "entity_key"),
    comment="Which entities an article names, and where",
)

events = Table(
    "events",
    metadata,
    Column(
        "article_key",
        BigId,
        ForeignKey("articles.article_key", ondelete="CASCADE"),
        primary_key=True,
        comment="of the report that founded it",
    ),
    Column("n", Integer, primary_key=True, autoincrement=False, comment="of the report that founded it"),
    Column("reports", Integer, nullable=False, server_default="1", comment="how many reports tell of it"),
    comment="Happenings in the world: one for each report until reports of the same one are linked",
)

event_reports = Table(
    "event_reports",
    metadata,
    _article_key(),
    Column("n", Integer, primary_key=True, autoincrement=False, comment="place in the document's list, from 0"),
    Column("local_id", Text, nullable=False, comment="id inside the document"),
    Column("type", Text, nullable=False, comment="one of PLOVER's 16: AGREE, CONSULT … ASSAULT"),
    Column("mode", Text, comment="PLOVER mode"),
    Column("contexts", Json, nullable=False, comment="list of PLOVER contexts"),
    Column("quad", Integer, nullable=False, comment="1 verbal and 2 material cooperation, 3 verbal and 4 material conflict"),
    Column("score", Float, nullable=False, comment="conflict (−10) to cooperation (10)"),
    Column("modality", Text, nullable=False, comment="asserted, planned, conditional, possible, hypothetical or negated"),
    Column("historical", Boolean, nullable=False, comment="told as the past, not as news"),
    Column("trigger_text", Text, nullable=False),
    Column("trigger_start", Integer, nullable=False),
    Column("trigger_end", Integer, nullable=False),
    Column("sentence_start", Integer, nullable=False),
    Column("sentence_end", Integer, nullable=False),
    Column("date_start", Date, comment="first day on which it took place, inclusive"),
    Column("date_end", Date, comment="last day, inclusive"),
    Column("date_precision", Text, comment="day, week, month, year …"),
    Column("planned_start", Date, comment="first day of what is planned, promised or threatened"),
    Column("planned_end", Date, comment="last day, inclusive"),
    Column("planned_precision", Text, comment="day, week, month, year …"),
    Column("place_key", BigId, ForeignKey("places.place_key", ondelete="SET NULL")),
    Column("place_start", Integer, comment="where the text names the place"),
    Column("place_end", Integer),
    Column("attribution_text", Text, comment="who says so, where it is not the narrator"),
    Column("attribution_entity_key", BigId, ForeignKey("entities.entity_key", ondelete="SET NULL")),
    Column("killed_min", BigInteger, comment="people killed, at least"),
    Column("killed_max", BigInteger, comment="at most, where the text says so"),
    Column("injured_min", BigInteger, comment="people injured, at least"),
    Column("injured_max", BigInteger, comment="at most, where the text says so"),
    Column("arrested_min", BigInteger, comment="people arrested, at least"),
    Column("arrested_max", BigInteger, comment="at most, where the text says so"),
    Column("crowd_min", BigInteger, comment="people who took part, at least"),
    Column("crowd_max", BigInteger, comment="at most, where the text says so"),
    Column("confidence", Float, nullable=False, comment="0 to 1"),
    Column("ontology", Text, nullable=False, comment="version of the event types"),
    Column("lexicon", Text, nullable=False, comment="version of the event lexicon"),
    Column("event_article_key", BigId, comment="with event_n: the happening in the world that it tells of (events)"),
    Column("event_n", Integer),
    CheckConstraint("quad BETWEEN 1 AND 4", name="quad"),
    CheckConstraint("sentence_start <= sentence_end", name="sentence"),
    ForeignKeyConstraint(["event_article_key", "event_n"], ["events.article_key", "events.n"], ondelete="SET NULL"),
    Index(None, "date_start"),
    Index(None, "type", "date_start"),
    Index(None, "planned_start"),
    Index(None, "place_key"),
    Index(None, "attribution_entity_key"),
    Index(None, "event_article_key", "event_n"),
    comment="Events as one article tells them",
)


def _report_key() -> tuple[Column[int], Column[int], ForeignKeyConstraint]:
    return (
        Column("article_key", BigId, primary_key=True, autoincrement=False),
        Column("n", Integer, primary_key=True, autoincrement=False, comment="of the event report"),
        ForeignKeyConstraint(["article_key", "n"], ["event_reports.article_key", "event_reports.n"], ondelete="CASCADE"),
    )


event_participants = Table(
    "event_participants",
    metadata,
    *_report_key(),
    Column("role", Text, primary_key=True, comment="actor or recipient"),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="place in the event's list, from 0"),
    Column("text", Text, nullable=False, comment="as the article names it"),
    Column("start_char", Integer, nullable=False),
    Column("end_char", Integer, nullable=False),
    Column("entity_key", BigId, ForeignKey("entities.entity_key", ondelete="SET NULL"), comment="null where it is no named entity"),
    Column("country", Text, comment="ISO 3166 alpha-3"),
    Column("sector", Text, comment="PLOVER sector code"),
    CheckConstraint("role IN ('actor', 'recipient')", name="role"),
    Index(None, "entity_key"),
    Index(None, "country", "role"),
    comment="Who takes part in an event report",
)

event_mentions = Table(
    "event_mentions",
    metadata,
    *_report_key(),
    Column("m", Integer, primary_key=True, autoincrement=False, comment="place in the event's list, from 0"),
    Column("start_char", Integer, nullable=False),
    Column("end_char", Integer, nullable=False),
    comment="Where an article speaks of an event",
)

article_bands = Table(
    "article_bands",
    metadata,
    _article_key(),
    Column("band", Integer, primary_key=True, autoincrement=False, comment="0 to 15"),
    Column("key", BigInteger, nullable=False, index=True, comment="hash of the band's 6 values of the signature"),
    comment="Bands of articles' MinHash signatures: texts of which three quarters are the same share one with probability 0.96",
    sqlite_with_rowid=False,
)

link_queue = Table(
    "link_queue",
    metadata,
    _article_key(),
    Column("revision", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    Column(
        "enqueued_at", UtcDateTime, nullable=False, index=True, comment="when it was last stored; the link stage removes what it has done"
    ),
    comment="Articles that wait to be linked with others",
)

stage_offsets = Table(
    "stage_offsets",
    metadata,
    Column("consumer_group", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False, comment="everything before it is in this database"),
    Column("updated_at", UtcDateTime, nullable=False),
    comment="How far each storage group has come",
)

in_flight = Table(
    "in_flight",
    metadata,
    Column("consumer_group", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("first_offset", BigInteger, nullable=False, comment="first record of the work that was begun"),
    Column("end_offset", BigInteger, nullable=False, comment="behind its last one"),
    Column("starts", Integer, nullable=False, comment="how often it was begun; every start but the last ended in the death of a worker"),
    Column("alone_until", BigInteger, nullable=False, comment="records before it go one at a time: workers died of them together"),
    Column("started_at", UtcDateTime, nullable=False),
    comment="What the stages are working on, struck out when it is done",
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("dead_letter_id", BigId, primary_key=True, autoincrement=True),
    Column("stage", Text, nullable=False, comment="consumer group that could not handle the record"),
    Column("topic", Text, nullable=False, comment="of the record itself, not of the dead letter"),
    Column("partition", Integer, nullable=False),
    Column("record_offset", BigInteger, nullable=False),
    Column("content_hash", Text, nullable=False, comment="SHA-256 of key and value: tells apart records of a topic that was made anew"),
    Column("key", LargeBinary),
    Column("value", LargeBinary, comment="untouched; null where by_reference"),
    Column("by_reference", Boolean, nullable=False, comment="too large to copy: read it at its own topic and offset"),
    Column("headers", Json, nullable=False, comment="list of [name, value], the value in base64"),
    Column("error_class", Text, nullable=False),
    Column("cause", Text, comment="crash, timeout or memory, where an isolated child was lost (ChildLost)"),
    Column("message", Text, nullable=False),
    Column("trace", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("version", Text, nullable=False, comment="of Dateline, where it failed"),
    Column("failed_at", UtcDateTime, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("replayed_at", UtcDateTime, comment="when it was last sent to its topic again"),
    UniqueConstraint("stage", "topic", "partition", "record_offset", "content_hash", name="uq_dead_letters_record"),
    Index(None, "stored_at"),
    comment="Records that a stage could not handle",
)

gaps = Table(
    "gaps",
    metadata,
    Column("gap_id", BigId, primary_key=True, autoincrement=True),
    Column("consumer_group", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("from_offset", BigInteger, nullable=False, comment="first record that is missing"),
    Column("to_offset", BigInteger, nullable=False, comment="first record that can be read again"),
    Column("detected_at", UtcDateTime, nullable=False),
    Column("accepted_at", UtcDateTime, comment="when an operator took the loss; null while the stage is stopped by it"),
    UniqueConstraint("consumer_group", "topic", "partition", "from_offset", "to_offset", name="uq_gaps_range"),
    comment="Records that a group could no longer read",
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("kind", Text, primary_key=True, comment="article or entity"),
    Column("key_hash", Text, primary_key=True, comment="SHA-256 of the article's id or the entity's key, hex"),
    Column("erased_at", UtcDateTime, nullable=False),
    CheckConstraint("kind IN ('article', 'entity')", name="kind"),
    comment="What was erased and must never be stored again",
)

STORAGE_TABLES = (
    articles,
    article_revisions,
    annotations,
    entities,
    entity_aliases,
    article_entities,
    event_reports,
    event_participants,
    event_mentions,
    events,
    places,
    article_bands,
    link_queue,
    stage_offsets,
    in_flight,
    dead_letters,
    gaps,
    tombstones,
)
