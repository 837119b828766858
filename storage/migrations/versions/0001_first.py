"""Every table of the first release, and full-text search over articles.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from storage.base import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON_VALUE = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

# Full-text search lies outside the tables' definition: each database does it in its own way.

# Words are reduced to their English stems and none is left out, as SQLite's porter tokenizer does it: "who" is also the WHO.
# A tsvector holds 1 MB at most, which 200,000 code points can exceed; 100,000 cannot.
SEARCH_POSTGRES = (
    "CREATE TEXT SEARCH DICTIONARY dateline_stem (TEMPLATE = snowball, Language = english)",
    "CREATE TEXT SEARCH CONFIGURATION dateline (COPY = simple)",
    """ALTER TEXT SEARCH CONFIGURATION dateline
       ALTER MAPPING FOR asciiword, asciihword, hword_asciipart, word, hword, hword_part WITH dateline_stem""",
    """ALTER TABLE articles ADD COLUMN search_vector tsvector GENERATED ALWAYS AS (
       setweight(to_tsvector('dateline', left(title, 1000)), 'A') || setweight(to_tsvector('dateline', left(text, 100000)), 'B')) STORED""",
    "CREATE INDEX ix_articles_search_vector ON articles USING gin (search_vector)",
)

# The index holds no text of its own (external content); triggers keep it in step, with the old text on removal, as FTS5 asks.
_REMOVE = "INSERT INTO article_search (article_search, rowid, title, text) VALUES ('delete', old.article_key, old.title, old.text);"
_ADD = "INSERT INTO article_search (rowid, title, text) VALUES (new.article_key, new.title, new.text);"
SEARCH_SQLITE = (
    """CREATE VIRTUAL TABLE article_search USING fts5(
       title, text, content='articles', content_rowid='article_key', tokenize='porter unicode61 remove_diacritics 2')""",
    f"CREATE TRIGGER article_search_insert AFTER INSERT ON articles BEGIN {_ADD} END",
    f"CREATE TRIGGER article_search_delete AFTER DELETE ON articles BEGIN {_REMOVE} END",
    f"""CREATE TRIGGER article_search_update AFTER UPDATE OF title, text ON articles
       WHEN old.title <> new.title OR old.text <> new.text BEGIN {_REMOVE} {_ADD} END""",
)


def upgrade() -> None:
    op.create_table(
        "article_ids",
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, comment="last one given out; 0 while nothing was published"),
        sa.Column("text_rank", sa.Integer(), nullable=False, comment="of the published text; 0 while nothing was published"),
        sa.Column("text_hash", sa.Text(), nullable=False, comment="of the published text"),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_article_ids")),
        comment="Which articles were published, and in which revision",
    )
    op.create_table(
        "articles",
        sa.Column("article_key", BIG_ID, autoincrement=True, nullable=False, comment="number of the article in this database"),
        sa.Column("article_id", sa.Text(), nullable=False, comment="its permanent id, the key of its messages"),
        sa.Column("revision", sa.Integer(), nullable=False, comment="grows when the text changes"),
        sa.Column("run", sa.Integer(), nullable=False, comment="annotation run; rows give way only to an equal or higher (revision, run)"),
        sa.Column("status", sa.Text(), nullable=False, comment="annotated, or no-pipeline for a language that none is configured for"),
        sa.Column("feed_id", sa.Text(), nullable=True, comment="feed that published this revision"),
        sa.Column("entry_key", sa.Text(), nullable=True, comment="what the feed calls the entry: guid, else link, else a hash"),
        sa.Column("url", sa.Text(), nullable=True, comment="canonical URL"),
        sa.Column("link", sa.Text(), nullable=True, comment="URL as the feed gives it"),
        sa.Column("outlet", sa.Text(), nullable=True, comment="who publishes the feed"),
        sa.Column("country", sa.Text(), nullable=True, comment="of the outlet, ISO 3166 alpha-3"),
        sa.Column("language", sa.Text(), nullable=True, comment="ISO 639-1"),
        sa.Column("title", sa.Text(), nullable=False, comment="headline, also the first paragraph of text"),
        sa.Column("text", sa.Text(), nullable=False, comment="the one text that is annotated: title, blank line, body"),
        sa.Column("text_source", sa.Text(), nullable=False, comment="page, content, summary, title or given"),
        sa.Column("truncated", sa.Boolean(), nullable=False, comment="whether the text was cut at 200,000 code points"),
        sa.Column("authors", JSON_VALUE, nullable=False, comment="list of names"),
        sa.Column("categories", JSON_VALUE, nullable=False, comment="list of the publisher's labels"),
        sa.Column("published_at", UtcDateTime(), nullable=True, comment="what the publisher says, or null"),
        sa.Column("published_at_source", sa.Text(), nullable=True, comment="element that published_at was read from"),
        sa.Column("first_seen_at", UtcDateTime(), nullable=True, comment="when a feed first showed it to us"),
        sa.Column(
            "dated_at", UtcDateTime(), nullable=False, comment="published_at, else first_seen_at, else stored_at: never null, for sorting"
        ),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC day of dated_at"),
        sa.Column("stored_at", UtcDateTime(), nullable=False, comment="when this row was last written"),
        sa.PrimaryKeyConstraint("article_key", name=op.f("pk_articles")),
        sa.UniqueConstraint("article_id", name=op.f("uq_articles_article_id")),
        comment="Articles, one row each, in their newest revision",
    )
    op.create_index(op.f("ix_articles_dated_at"), "articles", ["dated_at"], unique=False)
    op.create_index(op.f("ix_articles_day"), "articles", ["day"], unique=False)
    op.create_index(op.f("ix_articles_feed_id_dated_at"), "articles", ["feed_id", "dated_at"], unique=False)
    op.create_index(op.f("ix_articles_published_at"), "articles", ["published_at"], unique=False)
    op.create_table(
        "dead_letters",
        sa.Column("dead_letter_id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False, comment="consumer group that could not handle the record"),
        sa.Column("topic", sa.Text(), nullable=False, comment="of the record itself, not of the dead letter"),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("record_offset", sa.BigInteger(), nullable=False),
        sa.Column(
            "content_hash", sa.Text(), nullable=False, comment="SHA-256 of key and value: tells apart records of a topic that was made anew"
        ),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.LargeBinary(), nullable=True, comment="untouched; null where by_reference"),
        sa.Column("by_reference", sa.Boolean(), nullable=False, comment="too large to copy: read it at its own topic and offset"),
        sa.Column("headers", JSON_VALUE, nullable=False, comment="list of [name, value], the value in base64"),
        sa.Column("error_class", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False, comment="of Dateline, where it failed"),
        sa.Column("failed_at", UtcDateTime(), nullable=False),
        sa.Column("stored_at", UtcDateTime(), nullable=False),
        sa.Column("replayed_at", UtcDateTime(), nullable=True, comment="when it was last sent to its topic again"),
        sa.PrimaryKeyConstraint("dead_letter_id", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint("stage", "topic", "partition", "record_offset", "content_hash", name="uq_dead_letters_record"),
        comment="Records that a stage could not handle",
    )
    op.create_index(op.f("ix_dead_letters_stored_at"), "dead_letters", ["stored_at"], unique=False)
    op.create_table(
        "feeds",
        sa.Column("feed_id", sa.Text(), nullable=False, comment="'f' and 16 hex digits of the SHA-256 of the first URL; permanent"),
        sa.Column("url", sa.Text(), nullable=False, comment="where it is read now"),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("outlet", sa.Text(), nullable=True, comment="who publishes it"),
        sa.Column("country", sa.Text(), nullable=True, comment="of the outlet, ISO 3166 alpha-3"),
        sa.Column("language", sa.Text(), nullable=True, comment="ISO 639-1 as the operator says; wins over what the feed says"),
        sa.Column(
            "full_text", sa.Text(), server_default="auto", nullable=False, comment="auto, always or never fetch the page behind an entry"
        ),
        sa.Column("state", sa.Text(), server_default="active", nullable=False, comment="active, gone (stopped for good) or paused"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it is not active"),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True, comment="validator of the last body, as it came"),
        sa.Column("last_modified", sa.Text(), nullable=True, comment="validator of the last body, as it came"),
        sa.Column("body_hash", sa.Text(), nullable=True, comment="SHA-256 of the last body that was parsed"),
        sa.Column("interval_seconds", sa.Float(), nullable=True, comment="between fetches, learned from what the feed publishes"),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False, comment="fetches failed in a row"),
        sa.Column("last_fetch_at", UtcDateTime(), nullable=True),
        sa.Column("last_success_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True, comment="of the last fetch; null after a success"),
        sa.Column("next_fetch_at", UtcDateTime(), nullable=False),
        sa.Column("moved_to", sa.Text(), nullable=True, comment="target of a permanent redirect that was seen"),
        sa.Column("moved_sightings", sa.Integer(), server_default="0", nullable=False, comment="how often in a row"),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.CheckConstraint("full_text IN ('auto', 'always', 'never')", name=op.f("ck_feeds_full_text")),
        sa.CheckConstraint("state IN ('active', 'gone', 'paused')", name=op.f("ck_feeds_state")),
        sa.PrimaryKeyConstraint("feed_id", name=op.f("pk_feeds")),
        sa.UniqueConstraint("url", name=op.f("uq_feeds_url")),
        comment="Feeds that are read",
    )
    op.create_index(op.f("ix_feeds_state_next_fetch_at"), "feeds", ["state", "next_fetch_at"], unique=False)
    op.create_table(
        "fetches",
        sa.Column("fetch_id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("duration", sa.Float(), nullable=False, comment="seconds"),
        sa.Column("outcome", sa.Text(), nullable=False, comment="fetched, unchanged, not-modified, gone or the kind of failure"),
        sa.Column("status", sa.Integer(), nullable=True, comment="HTTP status where there was one"),
        sa.Column("bytes", sa.Integer(), server_default="0", nullable=False, comment="of the decompressed body"),
        sa.Column("entries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("new", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), nullable=True, comment="one line for people"),
        sa.PrimaryKeyConstraint("fetch_id", name=op.f("pk_fetches")),
        comment="What came of each fetch of a feed; old rows are pruned",
    )
    op.create_index(op.f("ix_fetches_feed_id_started_at"), "fetches", ["feed_id", "started_at"], unique=False)
    op.create_index(op.f("ix_fetches_started_at"), "fetches", ["started_at"], unique=False)
    op.create_table(
        "gaps",
        sa.Column("gap_id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("consumer_group", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("from_offset", sa.BigInteger(), nullable=False, comment="first record that is missing"),
        sa.Column("to_offset", sa.BigInteger(), nullable=False, comment="first record that can be read again"),
        sa.Column("detected_at", UtcDateTime(), nullable=False),
        sa.Column(
            "accepted_at", UtcDateTime(), nullable=True, comment="when an operator took the loss; null while the stage is stopped by it"
        ),
        sa.PrimaryKeyConstraint("gap_id", name=op.f("pk_gaps")),
        sa.UniqueConstraint("consumer_group", "topic", "partition", "from_offset", "to_offset", name="uq_gaps_range"),
        comment="Records that a group could no longer read",
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "payload",
            sa.LargeBinary(),
            nullable=False,
            comment="the message's bytes; the row is deleted once they are durable in the broker",
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("article_id", "revision", name=op.f("uq_outbox_article_id_revision")),
        comment="Messages that are not yet known to be durable in the broker",
    )
    op.create_index(op.f("ix_outbox_created_at"), "outbox", ["created_at"], unique=False)
    op.create_table(
        "page_hosts",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("ready_at", UtcDateTime(), nullable=False, comment="when the next page may be asked of this host"),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_page_hosts")),
        comment="Whose turn it is to be asked for a page",
    )
    op.create_index(op.f("ix_page_hosts_ready_at"), "page_hosts", ["ready_at"], unique=False)
    op.create_table(
        "page_queue",
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False, comment="JSON: the entry as it will go out, all but its page"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("enqueued_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False, comment="when the page may next be asked for"),
        sa.Column("deadline_at", UtcDateTime(), nullable=False, comment="when the entry goes out without it"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("article_id", name=op.f("pk_page_queue")),
        comment="Entries that wait for their page",
    )
    op.create_index(op.f("ix_page_queue_deadline_at"), "page_queue", ["deadline_at"], unique=False)
    op.create_index(op.f("ix_page_queue_host_due_at"), "page_queue", ["host", "due_at"], unique=False)
    op.create_table(
        "places",
        sa.Column("place_key", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="geonames id, else name, country and rounded coordinates"),
        sa.Column("run", sa.Integer(), nullable=False, comment="annotation run that last described it"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True, comment="ISO 3166 alpha-3"),
        sa.Column("lat", sa.Float(), nullable=True, comment="degrees north"),
        sa.Column("lon", sa.Float(), nullable=True, comment="degrees east"),
        sa.Column("geonames_id", sa.BigInteger(), nullable=True),
        sa.Column("precision", sa.Text(), nullable=True, comment="country, region, city or point"),
        sa.PrimaryKeyConstraint("place_key", name=op.f("pk_places")),
        sa.UniqueConstraint("key", name=op.f("uq_places_key")),
        comment="Places that articles name",
    )
    op.create_index(op.f("ix_places_country"), "places", ["country"], unique=False)
    op.create_table(
        "sightings",
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("entry_key", sa.Text(), nullable=False, comment="guid, else link, else a hash of the content"),
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column(
            "text_rank", sa.Integer(), nullable=False, comment="1 title, 2 summary, 3 content, 4 page: of what this feed gives, or asks for"
        ),
        sa.Column("text_hash", sa.Text(), nullable=False, comment="of the text that this feed gives"),
        sa.Column("changes", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("feed_id", "entry_key", name=op.f("pk_sightings")),
        comment="Entries that a feed has shown",
    )
    op.create_index(op.f("ix_sightings_article_id"), "sightings", ["article_id"], unique=False)
    op.create_table(
        "stage_offsets",
        sa.Column("consumer_group", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False, comment="everything before it is in this database"),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("consumer_group", "topic", "partition", name=op.f("pk_stage_offsets")),
        comment="How far each storage group has come",
    )
    op.create_table(
        "url_keys",
        sa.Column("url_key", sa.Text(), nullable=False, comment="32 hex digits of the SHA-256 of a canonical link"),
        sa.Column("article_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("url_key", name=op.f("pk_url_keys")),
        comment="Which article a canonical link belongs to",
    )
    op.create_table(
        "annotations",
        sa.Column("article_key", BIG_ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False, comment="name of the spaCy pipeline"),
        sa.Column("pipeline_version", sa.Text(), nullable=False),
        sa.Column("knowledge", sa.Text(), nullable=False, comment="version of the knowledge files"),
        sa.Column("lexicon", sa.Text(), nullable=False, comment="version of the event lexicon"),
        sa.Column("ontology", sa.Text(), nullable=False, comment="version of the event types"),
        sa.Column("document", JSON_VALUE, nullable=False, comment="the AnnotatedArticle as `dateline annotate` prints it"),
        sa.Column("stored_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["article_key"], ["articles.article_key"], name=op.f("fk_annotations_article_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("article_key", name=op.f("pk_annotations")),
        comment="Each AnnotatedArticle whole; what follows below can be rebuilt from it",
    )
    op.create_table(
        "article_revisions",
        sa.Column("article_key", BIG_ID, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False, comment="grows when the text changes"),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False, comment="SHA-256 of text in UTF-8, hex"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stored_at", UtcDateTime(), nullable=False, comment="when this revision was first stored"),
        sa.ForeignKeyConstraint(
            ["article_key"], ["articles.article_key"], name=op.f("fk_article_revisions_article_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_key", "revision", name=op.f("pk_article_revisions")),
        comment="Every text that an article had",
    )
    op.create_table(
        "entities",
        sa.Column("entity_key", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="the same for the same thing in every article that names it alike"),
        sa.Column("run", sa.Integer(), nullable=False, comment="annotation run that last described it"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False, comment="PERSON, ORG, GPE … (OntoNotes)"),
        sa.Column("country", sa.Text(), nullable=True, comment="ISO 3166 alpha-3"),
        sa.Column("sectors", JSON_VALUE, nullable=False, comment="list of PLOVER sector codes"),
        sa.Column("place_key", BIG_ID, nullable=True),
        sa.ForeignKeyConstraint(["place_key"], ["places.place_key"], name=op.f("fk_entities_place_key"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("entity_key", name=op.f("pk_entities")),
        sa.UniqueConstraint("key", name=op.f("uq_entities_key")),
        comment="People, organisations, places and things, one row for all articles that name them alike",
    )
    op.create_index(op.f("ix_entities_country"), "entities", ["country"], unique=False)
    op.create_index(op.f("ix_entities_place_key"), "entities", ["place_key"], unique=False)
    op.create_index(op.f("ix_entities_type"), "entities", ["type"], unique=False)
    op.create_table(
        "events",
        sa.Column("article_key", BIG_ID, nullable=False, comment="of the report that founded it"),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False, comment="of the report that founded it"),
        sa.Column("reports", sa.Integer(), server_default="1", nullable=False, comment="how many reports tell of it"),
        sa.ForeignKeyConstraint(["article_key"], ["articles.article_key"], name=op.f("fk_events_article_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("article_key", "n", name=op.f("pk_events")),
        comment="Happenings in the world: one for each report until reports of the same one are linked",
    )
    op.create_table(
        "link_queue",
        sa.Column("article_key", BIG_ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("enqueued_at", UtcDateTime(), nullable=False, comment="when it was last stored; the link stage removes what it has done"),
        sa.ForeignKeyConstraint(["article_key"], ["articles.article_key"], name=op.f("fk_link_queue_article_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("article_key", name=op.f("pk_link_queue")),
        comment="Articles that wait to be linked with others",
    )
    op.create_index(op.f("ix_link_queue_enqueued_at"), "link_queue", ["enqueued_at"], unique=False)
    op.create_table(
        "article_entities",
        sa.Column("article_key", BIG_ID, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False, comment="place in the document's list, from 0"),
        sa.Column("entity_key", BIG_ID, nullable=False),
        sa.Column("local_id", sa.Text(), nullable=False, comment="id inside the document"),
        sa.Column("name", sa.Text(), nullable=False, comment="fullest name in this article"),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("mentions", JSON_VALUE, nullable=False, comment="list of {start, end, text, label}"),
        sa.Column("mention_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_key"], ["articles.article_key"], name=op.f("fk_article_entities_article_key"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["entity_key"], ["entities.entity_key"], name=op.f("fk_article_entities_entity_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("article_key", "n", name=op.f("pk_article_entities")),
        comment="Which entities an article names, and where",
    )
    op.create_index(op.f("ix_article_entities_entity_key"), "article_entities", ["entity_key"], unique=False)
    op.create_table(
        "entity_aliases",
        sa.Column("entity_key", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("alias", sa.Text(), nullable=False, comment="a wording by which an article named it"),
        sa.ForeignKeyConstraint(["entity_key"], ["entities.entity_key"], name=op.f("fk_entity_aliases_entity_key"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entity_key", "alias", name=op.f("pk_entity_aliases")),
        comment="The wordings by which articles name an entity",
    )
    op.create_index(op.f("ix_entity_aliases_alias"), "entity_aliases", ["alias"], unique=False)
    op.create_table(
        "event_reports",
        sa.Column("article_key", BIG_ID, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False, comment="place in the document's list, from 0"),
        sa.Column("local_id", sa.Text(), nullable=False, comment="id inside the document"),
        sa.Column("type", sa.Text(), nullable=False, comment="one of PLOVER's 16: AGREE, CONSULT … ASSAULT"),
        sa.Column("mode", sa.Text(), nullable=True, comment="PLOVER mode"),
        sa.Column("contexts", JSON_VALUE, nullable=False, comment="list of PLOVER contexts"),
        sa.Column("quad", sa.Integer(), nullable=False, comment="1 verbal and 2 material cooperation, 3 verbal and 4 material conflict"),
        sa.Column("score", sa.Float(), nullable=False, comment="conflict (−10) to cooperation (10)"),
        sa.Column("modality", sa.Text(), nullable=False, comment="asserted, planned, conditional, possible, hypothetical or negated"),
        sa.Column("historical", sa.Boolean(), nullable=False, comment="told as the past, not as news"),
        sa.Column("trigger_text", sa.Text(), nullable=False),
        sa.Column("trigger_start", sa.Integer(), nullable=False),
        sa.Column("trigger_end", sa.Integer(), nullable=False),
        sa.Column("sentence_start", sa.Integer(), nullable=False),
        sa.Column("sentence_end", sa.Integer(), nullable=False),
        sa.Column("date_start", sa.Date(), nullable=True, comment="first day on which it took place, inclusive"),
        sa.Column("date_end", sa.Date(), nullable=True, comment="last day, inclusive"),
        sa.Column("date_precision", sa.Text(), nullable=True, comment="day, week, month, year …"),
        sa.Column("planned_start", sa.Date(), nullable=True, comment="first day of what is planned, promised or threatened"),
        sa.Column("planned_end", sa.Date(), nullable=True, comment="last day, inclusive"),
        sa.Column("planned_precision", sa.Text(), nullable=True, comment="day, week, month, year …"),
        sa.Column("place_key", BIG_ID, nullable=True),
        sa.Column("place_start", sa.Integer(), nullable=True, comment="where the text names the place"),
        sa.Column("place_end", sa.Integer(), nullable=True),
        sa.Column("attribution_text", sa.Text(), nullable=True, comment="who says so, where it is not the narrator"),
        sa.Column("attribution_entity_key", BIG_ID, nullable=True),
        sa.Column("killed_min", sa.BigInteger(), nullable=True, comment="people killed, at least"),
        sa.Column("killed_max", sa.BigInteger(), nullable=True, comment="at most, where the text says so"),
        sa.Column("injured_min", sa.BigInteger(), nullable=True, comment="people injured, at least"),
        sa.Column("injured_max", sa.BigInteger(), nullable=True, comment="at most, where the text says so"),
        sa.Column("arrested_min", sa.BigInteger(), nullable=True, comment="people arrested, at least"),
        sa.Column("arrested_max", sa.BigInteger(), nullable=True, comment="at most, where the text says so"),
        sa.Column("crowd_min", sa.BigInteger(), nullable=True, comment="people who took part, at least"),
        sa.Column("crowd_max", sa.BigInteger(), nullable=True, comment="at most, where the text says so"),
        sa.Column("confidence", sa.Float(), nullable=False, comment="0 to 1"),
        sa.Column("ontology", sa.Text(), nullable=False, comment="version of the event types"),
        sa.Column("lexicon", sa.Text(), nullable=False, comment="version of the event lexicon"),
        sa.Column("event_article_key", BIG_ID, nullable=True, comment="with event_n: the happening in the world that it tells of (events)"),
        sa.Column("event_n", sa.Integer(), nullable=True),
        sa.CheckConstraint("quad BETWEEN 1 AND 4", name=op.f("ck_event_reports_quad")),
        sa.CheckConstraint("sentence_start <= sentence_end", name=op.f("ck_event_reports_sentence")),
        sa.ForeignKeyConstraint(["article_key"], ["articles.article_key"], name=op.f("fk_event_reports_article_key"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["attribution_entity_key"], ["entities.entity_key"], name=op.f("fk_event_reports_attribution_entity_key"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["event_article_key", "event_n"],
            ["events.article_key", "events.n"],
            name=op.f("fk_event_reports_event_article_key_event_n"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["place_key"], ["places.place_key"], name=op.f("fk_event_reports_place_key"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("article_key", "n", name=op.f("pk_event_reports")),
        comment="Events as one article tells them",
    )
    op.create_index(op.f("ix_event_reports_attribution_entity_key"), "event_reports", ["attribution_entity_key"], unique=False)
    op.create_index(op.f("ix_event_reports_date_start"), "event_reports", ["date_start"], unique=False)
    op.create_index(op.f("ix_event_reports_event_article_key_event_n"), "event_reports", ["event_article_key", "event_n"], unique=False)
    op.create_index(op.f("ix_event_reports_place_key"), "event_reports", ["place_key"], unique=False)
    op.create_index(op.f("ix_event_reports_planned_start"), "event_reports", ["planned_start"], unique=False)
    op.create_index(op.f("ix_event_reports_type_date_start"), "event_reports", ["type", "date_start"], unique=False)
    op.create_table(
        "event_mentions",
        sa.Column("article_key", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False, comment="of the event report"),
        sa.Column("m", sa.Integer(), autoincrement=False, nullable=False, comment="place in the event's list, from 0"),
        sa.Column("start_char", sa.Integer(), nullable=False),
        sa.Column("end_char", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_key", "n"],
            ["event_reports.article_key", "event_reports.n"],
            name=op.f("fk_event_mentions_article_key_n"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("article_key", "n", "m", name=op.f("pk_event_mentions")),
        comment="Where an article speaks of an event",
    )
    op.create_table(
        "event_participants",
        sa.Column("article_key", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False, comment="of the event report"),
        sa.Column("role", sa.Text(), nullable=False, comment="actor or recipient"),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False, comment="place in the event's list, from 0"),
        sa.Column("text", sa.Text(), nullable=False, comment="as the article names it"),
        sa.Column("start_char", sa.Integer(), nullable=False),
        sa.Column("end_char", sa.Integer(), nullable=False),
        sa.Column("entity_key", BIG_ID, nullable=True, comment="null where it is no named entity"),
        sa.Column("country", sa.Text(), nullable=True, comment="ISO 3166 alpha-3"),
        sa.Column("sector", sa.Text(), nullable=True, comment="PLOVER sector code"),
        sa.CheckConstraint("role IN ('actor', 'recipient')", name=op.f("ck_event_participants_role")),
        sa.ForeignKeyConstraint(
            ["article_key", "n"],
            ["event_reports.article_key", "event_reports.n"],
            name=op.f("fk_event_participants_article_key_n"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["entity_key"], ["entities.entity_key"], name=op.f("fk_event_participants_entity_key"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("article_key", "n", "role", "position", name=op.f("pk_event_participants")),
        comment="Who takes part in an event report",
    )
    op.create_index(op.f("ix_event_participants_country_role"), "event_participants", ["country", "role"], unique=False)
    op.create_index(op.f("ix_event_participants_entity_key"), "event_participants", ["entity_key"], unique=False)
    # ### end Alembic commands ###
    for statement in SEARCH_POSTGRES if op.get_bind().dialect.name == "postgresql" else SEARCH_SQLITE:
        op.execute(statement)
