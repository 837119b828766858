"""``annotate``: text in, one AnnotatedArticle a line out; needs no broker and no database."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, Field, ValidationError, field_validator

from dateline.output import read_file, read_moment
from stream.batches import batches
from stream.errors import ConfigError
from stream.messages import MAX_TEXT_CHARS, Article, encode
from stream.settings import load_settings

BATCH_RECORDS, BATCH_CHARS = 64, 300_000


class Format(StrEnum):
    """What the input is."""

    text = "text"
    jsonl = "jsonl"


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command()(annotate)


def annotate(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="A file, or - for standard input.")] = "-",
    format: Annotated[Format, typer.Option("--format", help="jsonl: an object a line; text: the whole file is one text.")] = Format.jsonl,
    published_at: Annotated[
        str | None, typer.Option(help="When the text was published, for lines that do not say: 2025-05-13 or 2025-05-13T08:00:00Z.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of texts that do not say theirs, ISO 639-1; without it, it is identified.")
    ] = None,
) -> None:
    """Annotate text with entities, times and events, as it is; print one AnnotatedArticle (JSON) a line.

    A line of the input is {"id", "text", "published_at"?, "language"?, "url"?, "title"?}. A bad line is named on standard
    error, the others are annotated, and the exit code is 2.

    Example: dateline annotate report.txt --format text --published-at 2025-05-13
    """
    from processors.annotate import Annotator  # spaCy takes a second to import: no other command should wait for it

    settings = load_settings()
    defaults = {"published_at": _moment(published_at, "--published-at"), "language": language}
    data = read_file(file)
    if format is Format.text:
        source: Iterator[Article | ConfigError] = iter(
            (_article({"id": "text" if file == "-" else Path(file).stem[:512], "text": _decode(data, file), **defaults}),)
        )
    else:
        source = _lines(data, file, defaults)
    annotator = Annotator(settings.pipeline, settings.run, settings.language_pipelines)
    failed = False
    for batch in batches(((item, _size(item)) for item in source), most=BATCH_RECORDS, size=BATCH_CHARS):
        articles = [item for item in batch if isinstance(item, Article)]
        for error in (item for item in batch if isinstance(item, ConfigError)):
            failed = True
            typer.echo(f"dateline: {error}", err=True)
        for annotated in annotator.annotate(articles):
            sys.stdout.buffer.write(encode(annotated) + b"\n")
        sys.stdout.buffer.flush()
    if failed:
        raise typer.Exit(2)


class _Line(BaseModel):
    id: str = Field(min_length=1, max_length=512)
    text: str
    published_at: datetime | None = None
    language: str | None = None
    url: str | None = None
    title: str = ""

    @field_validator("id", mode="before")
    @classmethod
    def _number_as_text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("published_at", mode="before")
    @classmethod
    def _date_or_moment(cls, value: object) -> object:
        return _moment(value, "published_at") if isinstance(value, str) else value


def _lines(data: bytes, file: str, defaults: dict[str, Any]) -> Iterator[Article | ConfigError]:
    for number, raw in enumerate(data.split(b"\n"), start=1):
        if not raw.strip():
            continue
        try:
            yield _article({**defaults, **_Line.model_validate_json(raw).model_dump(exclude_none=True)})
        except ConfigError as e:
            yield ConfigError(f"{file}:{number}: {e}")
        except ValidationError as e:
            first = e.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            hint = "" if where else "; an object a line is expected, --format text takes a plain text"
            yield ConfigError(f"{file}:{number}: {where + ': ' if where else ''}{first['msg']}{hint}")


def _article(fields: dict[str, Any]) -> Article:
    text = fields["text"]
    published_at = fields.get("published_at")
    return Article.model_validate(
        {
            **fields,
            "text": text[:MAX_TEXT_CHARS],
            "truncated": len(text) > MAX_TEXT_CHARS,
            "published_at_source": "given" if published_at else None,
        }
    )


def _size(item: Article | ConfigError) -> int:
    return len(item.text) if isinstance(item, Article) else 0


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        return read_moment(text)
    except ValueError:
        raise ConfigError(f"{name}: {text!r} is no date; give 2025-05-13 or 2025-05-13T08:00:00Z (no zone means UTC)") from None


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        typer.echo(f"dateline: {file}: byte {e.start} is not UTF-8; such bytes are read as U+FFFD", err=True)
        return data.decode("utf-8-sig", "replace")
