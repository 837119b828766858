"""The messages: their JSON is pinned by golden files, and what comes from elsewhere is read with care."""

import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from scripts.export_schemas import FOLDER, schemas
from stream.errors import BadMessage, SchemaTooNew
from stream.messages import AnnotatedArticle, Article, decode, encode

GOLDEN = Path(__file__).parent / "golden"
KINDS = {"dateline.article-1": Article, "dateline.annotated-1": AnnotatedArticle}


@pytest.mark.parametrize("name", KINDS)
def test_golden_message_is_read_and_written_to_the_same_bytes(name: str) -> None:
    golden = (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")
    assert encode(decode(KINDS[name], golden)) == golden


@pytest.mark.parametrize("name", KINDS)
def test_golden_message_satisfies_the_exported_schema(name: str) -> None:
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads((GOLDEN / f"{name}.json").read_text()))


def test_exported_schemas_are_up_to_date() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == schemas()


def test_unknown_fields_are_ignored_so_that_a_producer_may_be_newer() -> None:
    assert decode(Article, b'{"schema": "dateline.article/1", "id": "a", "text": "t", "mood": {"deep": 1}}') == Article(id="a", text="t")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value"),
        (b"", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (b'{"schema": "dateline.article/1", "text": "t"}', "id"),
        (b'{"schema": "dateline.annotated/1", "id": "a", "text": "t"}', "schema"),
        (b'{"schema": "other/9", "id": "a", "text": "t"}', "schema"),
        (b'{"schema": "dateline.article/0", "id": "a", "text": "t"}', "schema"),
        (b'{"schema": "dateline.article/1", "id": "a", "text": "t", "published_at": "2025-01-01T00:00:00"}', "time zone"),
        (b"[" * 100_000, "JSON"),
        (b'{"schema": "dateline.article/1", "id": "a", "text": "t", "published_at": "0001-01-01T00:00:00+14:00"}', "out of range"),
        ('{"schema": "dateline.article/\u00b2", "id": "a", "text": "t"}'.encode(), "schema"),
    ],
)
def test_what_is_no_message_is_a_bad_message_that_says_why(value: bytes | None, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        decode(Article, value)


@pytest.mark.parametrize("major", [b"2", b"9" * 5000])
def test_newer_major_schema_is_told_apart_so_that_the_stage_can_stop(major: bytes) -> None:
    with pytest.raises(SchemaTooNew, match="upgrade this worker"):
        decode(Article, b'{"schema": "dateline.article/' + major + b'", "identifier": "a"}')


def test_text_that_no_database_can_hold_is_replaced_and_offsets_keep() -> None:
    article = Article(id="a", title="x\x00y", text="one\x00two\ud800three")
    assert (article.title, article.text) == ("x\ufffdy", "one\ufffdtwo\ufffdthree")
    assert decode(Article, encode(article)) == article


def test_datetimes_are_kept_as_utc() -> None:
    article = decode(Article, b'{"schema": "dateline.article/1", "id": "a", "text": "t", "published_at": "2025-01-01T02:00:00+02:00"}')
    assert article.published_at == datetime(2025, 1, 1, tzinfo=UTC)
    assert article.published_at.tzinfo is UTC
