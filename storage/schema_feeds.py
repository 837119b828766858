"""Tables of the ingest side: feeds and their fetches, what was seen and published, pages to fetch, records to send."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Float, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, false

from storage.base import UtcDateTime, metadata
from storage.dialect import BigId

feeds = Table(
    "feeds",
    metadata,
    Column("feed_id", Text, primary_key=True, comment="'f' and 16 hex digits of the SHA-256 of the first URL; permanent"),
    Column("url", Text, nullable=False, unique=True, comment="where it is read now"),
    Column("host", Text, nullable=False, server_default="", comment="host and port of url: a row of feed_hosts"),
    Column("title", Text, nullable=False, server_default=""),
    Column("outlet", Text, comment="who publishes it"),
    Column("country", Text, comment="of the outlet, ISO 3166 alpha-3"),
    Column("language", Text, comment="ISO 639-1 as the operator says; wins over what the feed says"),
    Column("full_text", Text, nullable=False, server_default="auto", comment="auto, always or never fetch the page behind an entry"),
    Column("state", Text, nullable=False, server_default="active", comment="active, gone (stopped for good) or paused"),
    Column("reason", Text, comment="why it is not active"),
    Column("added_at", UtcDateTime, nullable=False),
    Column("etag", Text, comment="validator of the last body, as it came"),
    Column("last_modified", Text, comment="validator of the last body, as it came"),
    Column("body_hash", Text, comment="SHA-256 of the last body that was parsed"),
    Column("interval_seconds", Float, comment="between fetches, learned from what the feed publishes"),
    Column("failures", Integer, nullable=False, server_default="0", comment="fetches failed in a row"),
    Column("last_fetch_at", UtcDateTime),
    Column("last_success_at", UtcDateTime),
    Column("last_error", Text, comment="of the last fetch; null after a success"),
    Column("next_fetch_at", UtcDateTime, nullable=False),
    Column("next_fetch_why", Text, nullable=False, server_default="", comment="what set the time of the next fetch, for people"),
    Column("moved_to", Text, comment="target of a permanent redirect that was seen"),
    Column("moved_sightings", Integer, nullable=False, server_default="0", comment="how often in a row"),
    Column("skip", Text, nullable=False, server_default="", comment="hours of GMT and days at which it asks not to be fetched"),
    Column(
        "rhythm", Text, nullable=False, server_default="", comment="what was learnt of its hours: moment, days, seen, expected, 24 counts"
    ),
    Column("ttl_seconds", Float, comment="that the feed asks for between two fetches"),
    Column("hub", Text, comment="where its publisher says that news of it is told (WebSub)"),
    Column("topic", Text, comment="what it is called at its hub"),
    Column("hub_until", UtcDateTime, comment="until when the hub has promised to tell of news; null: it has not"),
    Column("hub_trusted", Boolean, nullable=False, server_default=false(), comment="whether the hub told of the newest entries"),
    Column("told_at", UtcDateTime, comment="when the hub last told of news"),
    Column("rung", Text, nullable=False, server_default="guid", comment="what its entries are known by: guid, link, link-date, …"),
    Column("lease_token", Text),
    Column("lease_until", UtcDateTime),
    CheckConstraint("full_text IN ('auto', 'always', 'never')", name="full_text"),
    CheckConstraint("state IN ('active', 'gone', 'paused')", name="state"),
    Index(None, "state", "next_fetch_at"),
    Index(None, "host", "lease_until"),
    comment="Feeds that are read",
)

feed_hosts = Table(
    "feed_hosts",
    metadata,
    Column("host", Text, primary_key=True, comment="name, and port where it is not the default one"),
    Column("ready_at", UtcDateTime, nullable=False, comment="when the next request to it may start"),
    Column("failures", Integer, nullable=False, server_default="0", comment="how often in a row it was away or asked for a pause"),
    Column("visit_token", Text, comment="of the request that no lease on a feed stands for: a page, robots.txt, a redirect from elsewhere"),
    Column("visit_until", UtcDateTime, comment="when that one is over at the latest"),
    comment="Hosts that are asked for feeds and pages, and when each may be asked again",
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("feed_id", Text, primary_key=True),
    Column("hub", Text, nullable=False, comment="whom to ask to tell of news"),
    Column("topic", Text, nullable=False, comment="of what"),
    Column("callback", Text, nullable=False, unique=True, comment="under which address; nobody else knows it"),
    Column("secret", Text, nullable=False, comment="with which the hub signs what it tells"),
    Column("asked_at", UtcDateTime, nullable=False, comment="when the hub was last asked"),
    Column("ask_at", UtcDateTime, nullable=False, index=True, comment="when it is asked again"),
    Column("tries", Integer, nullable=False, comment="since the hub last agreed"),
    Column("problem", Text, comment="why it has not agreed, as far as that is known"),
    comment="What hubs are asked to tell (WebSub)",
)

fetches = Table(
    "fetches",
    metadata,
    Column("fetch_id", BigId, primary_key=True, autoincrement=True),
    Column("feed_id", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("duration", Float, nullable=False, comment="seconds"),
    Column("outcome", Text, nullable=False, comment="fetched, unchanged, not-modified, gone or the kind of failure"),
    Column("status", Integer, comment="HTTP status where there was one"),
    Column("bytes", Integer, nullable=False, server_default="0", comment="of the decompressed body"),
    Column("entries", Integer, nullable=False, server_default="0"),
    Column("new", Integer, nullable=False, server_default="0"),
    Column("changed", Integer, nullable=False, server_default="0"),
    Column("message", Text, comment="one line for people"),
    Column(
        "possible_gap",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="shared no entry with the fetches before: some may have come and gone unseen",
    ),
    Index(None, "feed_id", "started_at"),
    Index(None, "started_at"),
    comment="What came of each fetch of a feed; old rows are pruned",
)

sightings = Table(
    "sightings",
    metadata,
    Column("feed_id", Text, primary_key=True),
    Column(
        "entry_key",
        Text,
        primary_key=True,
        comment="guid, else link, else a hash of the content",
    ),
    Column("article_id", Text, nullable=False, index=True),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("text_rank", Integer, nullable=False, comment="1 title, 2 summary, 3 content, 4 page: of what this feed gives, or asks for"),
    Column("text_hash", Text, nullable=False, comment="of the text that this feed gives"),
    Column("changes", Integer, nullable=False, server_default="0"),
    comment="Entries that a feed has shown",
)

url_keys = Table(
    "url_keys",
    metadata,
    Column("url_key", Text, primary_key=True, comment="32 hex digits of the SHA-256 of a canonical link"),
    Column("article_id", Text, nullable=False),
    comment="Which article a canonical link belongs to",
)

article_ids = Table(
    "article_ids",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("revision", Integer, nullable=False, comment="last one given out; 0 while nothing was published"),
    Column("text_rank", Integer, nullable=False, comment="of the published text; 0 while nothing was published"),
    Column("text_hash", Text, nullable=False, comment="of the published text"),
    Column("first_seen_at", UtcDateTime, nullable=False),
    comment="Which articles were published, and in which revision",
)

page_queue = Table(
    "page_queue",
    metadata,
    Column("article_id", Text, primary_key=True),
    Column("payload", Text, nullable=False, comment="JSON: the entry as it will go out, all but its page"),
    Column("host", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("enqueued_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False, comment="when the page may next be asked for"),
    Column("deadline_at", UtcDateTime, nullable=False, index=True, comment="when the entry goes out without it"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index(None, "host", "due_at"),
    comment="Entries that wait for their page",
)

page_hosts = Table(
    "page_hosts",
    metadata,
    Column("host", Text, primary_key=True),
    Column("ready_at", UtcDateTime, nullable=False, index=True, comment="when the next page may be asked of this host"),
    Column("lease_token", Text),
    Column("lease_until", UtcDateTime),
    comment="Whose turn it is to be asked for a page",
)

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", BigId, primary_key=True, autoincrement=True),
    Column("article_id", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False, comment="the message's bytes; the row is deleted once they are durable in the broker"),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    UniqueConstraint("article_id", "revision"),
    comment="Messages that are not yet known to be durable in the broker",
)
