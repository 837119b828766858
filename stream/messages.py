"""The messages on the two topics and the values inside them; frozen, and the same in files, topics and rows.

Every *start*/*end* pair is a half-open range of Unicode code points into ``Article.text``. Datetimes are aware UTC.
A field that may be absent is left out of the JSON when it has no value; unknown fields are ignored on reading, so a
producer may be one minor version ahead of a consumer. Event types, modes, contexts, sectors and country codes are
PLOVER's (https://github.com/openeventdata/PLOVER).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from stream.errors import BadMessage, SchemaTooNew

MAX_TEXT_CHARS = 200_000  # code points; longer texts are cut and marked truncated
MAX_MAJOR_DIGITS = 9
MINHASH_CHARS = 256  # base64 of 96 values of 16 bits
ONTOLOGY = "PLOVER 2.0-draft"

EventType = Literal[
    "AGREE", "CONSULT", "SUPPORT", "CONCEDE", "COOPERATE", "AID", "RETREAT", "REQUEST",
    "ACCUSE", "REJECT", "THREATEN", "PROTEST", "SANCTION", "MOBILIZE", "COERCE", "ASSAULT",
]  # fmt: skip
Modality = Literal["asserted", "planned", "conditional", "possible", "hypothetical", "negated"]
TimeType = Literal["DATE", "TIME", "DURATION", "SET"]
TextSource = Literal["page", "content", "summary", "title", "given"]
Status = Literal["annotated", "no-pipeline"]

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Return *text* with NUL and lone surrogates, which neither Postgres nor UTF-8 can hold, as U+FFFD; offsets keep."""
    return text if is_storable(text) else _UNSTORABLE.sub("\ufffd", text)


def is_storable(text: str) -> bool:
    """Tell whether *text* is free of NUL and lone surrogates: some 20 times as fast as a search for them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _aware_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a datetime needs a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as e:  # the first hours of year 1 in a zone east of UTC
        raise ValueError("a datetime out of range") from e


def _absent(value: object) -> bool:
    return value is None


def _empty(value: tuple[object, ...]) -> bool:
    return not value


Text = Annotated[str, BeforeValidator(lambda value: clean_text(value) if isinstance(value, str) else value)]
Moment = Annotated[datetime, AfterValidator(_aware_utc)]
Optional = Field(default=None, exclude_if=_absent)


class Value(BaseModel):
    """A frozen value that ignores fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, serialize_by_alias=True)


class Span(Value):
    """A half-open range of code points into the article's text."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)


class TextSpan(Span):
    """A range together with the text that stands there."""

    text: str


class Mention(TextSpan):
    """One place where an entity is named; *label* is what the pipeline called it there."""

    label: str


class Place(Value):
    """A place on the map; *precision* is country, region, city or point. *start*/*end* say where the text names it.

    *region* is the first-order division that a city lies in.
    """

    name: str
    country: str | None = Optional
    region: str | None = Optional
    lat: float | None = Optional
    lon: float | None = Optional
    geonames_id: int | None = Optional
    precision: str | None = Optional
    start: int | None = Optional
    end: int | None = Optional


class Entity(Value):
    """One person, organisation, place or thing of a document with all its mentions, in text order.

    *id* is local to the document; *key* is the same for the same thing in every document that names it alike.
    """

    id: str
    key: str
    name: str
    type: str
    country: str | None = Optional
    sectors: tuple[str, ...] = ()
    place: Place | None = Optional
    mentions: tuple[Mention, ...] = ()


class TimeExpression(TextSpan):
    """A time as the text says it, and its ISO 8601 value (``P30D`` for a duration); *end_value* closes a range, inclusive."""

    type: TimeType
    value: str
    end_value: str | None = Optional


class EventDate(Value):
    """Days from *start* to *end*, both inclusive (ISO 8601 calendar dates); *evidence* is where the text says so."""

    start: str
    end: str
    precision: str
    evidence: Span | None = Optional


class Participant(TextSpan):
    """An actor or recipient as the text names it, with the entity it is, its country and its primary sector."""

    entity: str | None = Optional
    country: str | None = Optional
    sector: str | None = Optional


class Attribution(Value):
    """Who says that it happened, where that is not the narrator."""

    text: str
    entity: str | None = Optional


class Magnitude(Value):
    """A count with its bounds; *max* is absent where the text gives none ("at least 12")."""

    min: int
    max: int | None = Optional


class Magnitudes(Value):
    """Counts that the text gives for an event."""

    killed: Magnitude | None = Optional
    injured: Magnitude | None = Optional
    arrested: Magnitude | None = Optional
    crowd: Magnitude | None = Optional


class Event(Value):
    """Who did what to whom, when and where, and whether it happened, as one article tells it."""

    id: str
    type: EventType
    mode: str | None = Optional
    contexts: tuple[str, ...] = ()
    quad: int = Field(ge=1, le=4)
    score: float
    modality: Modality
    historical: bool = False
    trigger: TextSpan
    sentence: Span
    mentions: tuple[Span, ...] = ()
    actors: tuple[Participant, ...] = ()
    recipients: tuple[Participant, ...] = ()
    date: EventDate | None = Optional
    planned_date: EventDate | None = Optional
    place: Place | None = Optional
    attribution: Attribution | None = Optional
    magnitudes: Magnitudes = Magnitudes()
    confidence: float = Field(ge=0.0, le=1.0)


class Enclosure(Value):
    """A file that an entry of a feed carries; *length* in bytes. *media_type* may be a range such as ``image/*``."""

    url: Text
    media_type: Text | None = Optional
    length: int | None = Field(default=None, ge=0, exclude_if=_absent)


class Article(Value):
    """One revision of one article, as it is published to ``<prefix>.articles``; the Kafka key is *id*.

    *minhash* tells how much two texts share: 96 little-endian values of 16 bits, base64. Of two articles the share of equal values
    estimates how many of all their runs of five words both have. Short texts have none.
    """

    schema_: Literal["dateline.article/1"] = Field(default="dateline.article/1", alias="schema")
    id: str = Field(min_length=1, max_length=512)
    revision: int = Field(default=1, ge=1, le=2**31 - 1)
    feed_id: str | None = None
    entry_key: str | None = None
    url: Text | None = None  # canonical
    link: Text | None = None  # as the feed gives it
    outlet: Text | None = None
    country: str | None = None  # of the outlet, ISO 3166 alpha-3
    language: str | None = None  # ISO 639-1
    title: Text = ""
    text: Text = Field(max_length=MAX_TEXT_CHARS)
    text_source: TextSource = "given"
    truncated: bool = False
    authors: tuple[Text, ...] = ()
    categories: tuple[Text, ...] = ()
    enclosures: tuple[Enclosure, ...] = Field(default=(), exclude_if=_empty)
    published_at: Moment | None = None
    published_at_source: str | None = None
    first_seen_at: Moment | None = None
    minhash: str | None = Field(default=None, pattern=f"^[A-Za-z0-9+/]{{{MINHASH_CHARS}}}$", exclude_if=_absent)


class PipelineInfo(Value):
    """What made an annotation: pipeline name and version, and the versions of the knowledge and lexicon files."""

    name: str
    version: str
    knowledge: str
    lexicon: str
    ontology: str = ONTOLOGY


class AnnotatedArticle(Value):
    """An article with what was found in it, as published to ``<prefix>.annotated`` and printed by ``dateline annotate``.

    A pure function of the article and *pipeline*. *status* is ``no-pipeline`` for a language that none is configured for.
    *language* is the one that the text was found to be in: ``article.language`` unless that is missing or plainly wrong.
    """

    schema_: Literal["dateline.annotated/1"] = Field(default="dateline.annotated/1", alias="schema")
    run: int = Field(default=1, ge=1, le=2**31 - 1)
    status: Status = "annotated"
    language: str | None = Optional  # ISO 639-1
    pipeline: PipelineInfo
    article: Article
    sentences: tuple[Span, ...] = ()
    entities: tuple[Entity, ...] = ()
    times: tuple[TimeExpression, ...] = ()
    events: tuple[Event, ...] = ()


MESSAGES: tuple[type[Article] | type[AnnotatedArticle], ...] = (Article, AnnotatedArticle)
M = TypeVar("M", Article, AnnotatedArticle)


def encode(message: Article | AnnotatedArticle) -> bytes:
    """Return *message* as UTF-8 JSON; the same message gives the same bytes."""
    return message.model_dump_json().encode()


def decode(kind: type[M], value: bytes | None) -> M:
    """Return the message of *kind* in *value*.

    Raises SchemaTooNew where *value* carries a newer major version of the same schema, BadMessage for anything else
    that is not one.
    """
    if value is None:
        raise BadMessage(f"no value where an {kind.__name__} was expected")
    try:
        return kind.model_validate_json(value)
    except ValidationError as e:
        _refuse_newer(kind, value)
        first = e.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the value"
        raise BadMessage(f"not an {kind.__name__}: {where}: {first['msg']}") from e


def _refuse_newer(kind: type[BaseModel], value: bytes) -> None:
    known_name, known_major = _schema_of(kind)
    try:
        found: Any = json.loads(value)
        name, _, major = str(found["schema"]).rpartition("/")
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if name == known_name and major.isascii() and major.isdigit() and (len(major) > MAX_MAJOR_DIGITS or int(major) > known_major):
        raise SchemaTooNew(
            f"a message of schema {name}/{major[:MAX_MAJOR_DIGITS]} came in, and this version reads {name}/{known_major}: "
            "upgrade this worker (consumers are upgraded first: store, process, ingest)"
        )


def _schema_of(kind: type[BaseModel]) -> tuple[str, int]:
    name, _, major = str(kind.model_fields["schema_"].default).rpartition("/")
    return name, int(major)
