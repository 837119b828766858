"""The command line as a user meets it: every command has an example, and bad input ends in one line and exit code 1 or 2."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main
from sqlalchemy import update

from dateline import compose
from dateline.cli import app
from dateline.output import show
from storage.dead_letters import write_letters
from storage.engine import connect_database, transaction
from storage.schema_feeds import feeds
from storage.tombstones import bury
from storage.writer import reset_offsets, stored_offsets, write_annotated
from stream.broker import MAX_RECORD_BYTES, Broker, Headers, Record, TopicPartition
from stream.connect import connect_broker
from stream.dead_letters import Failure, send_dead_letter
from stream.errors import ChildLost, StageStopped
from stream.messages import encode
from stream.settings import Settings, load_settings
from tests.dateline.running import run, until
from tests.ingest.conftest import Loopback
from tests.storage.samples import annotated

NEVER = "sqlite:////dev/null/never"


def commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, command in sorted(group.commands.items()):
        found += commands(command, (*path, name)) if hasattr(command, "commands") else [((*path, name), command)]
    return found


COMMANDS = commands(typer.main.get_command(app))


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_every_command_has_help_with_an_example_of_itself(path: tuple[str, ...], command: Any) -> None:
    assert command.help
    assert f"dateline {' '.join(path)}" in command.help.split("Example:")[1]
    undocumented = [option.name for option in command.params if option.param_type_name == "option" and not option.help]
    assert undocumented == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("feeds", "add", "ftp://example.org/x"), "has to begin with http"),
        (("feeds", "add", "https://example.org/x", "--country", "Britain"), "no code of 3 letters"),
        (("feeds", "remove", "nothing"), "no feed has the id or address 'nothing'"),
        (("feeds", "import", "missing.opml"), "missing.opml cannot be read"),
        (("feeds", "export", "no/such/folder.opml"), "cannot be written"),
        (("query", "events", "--type", "PARTY"), "is no event type; they are AGREE"),
        (("query", "events", "--since", "yesterday"), "'yesterday' is no moment"),
        (("query", "events", "--planned", "--modality", "asserted"), "exclude each other"),
        (("query", "articles", "--json", "--csv"), "exclude each other"),
        (("query", "articles", "--limit", "0"), "--limit"),
        (("dead-letters", "show", "7"), "there is no dead letter 7"),
        (("dead-letters", "replay", "7"), "there is no dead letter 7"),
        (("query", "articles", "--since", "0001-01-01T00:00+14:00"), "is no moment"),
        (("demo", "--data-dir", "/dev/null/x"), "cannot be made"),
        (("gaps", "accept", "dateline.store"), "'dateline.store' has no open gap"),
        (("annotate", "missing.txt"), "missing.txt cannot be read"),
        (("annotate", "-", "--published-at", "soon"), "'soon' is no date"),
        (("purge", "--before", "soon"), "'soon' is no moment"),
        (("erase", "entity", "PERSON", "--unknown-too"), "'PERSON' is no key"),
        (("erase", "entity", "PERSON:nobody"), "there is no entity 'PERSON:nobody'; `dateline query entities --json`"),
        (("erase", "article", "a7"), "there is no article 'a7'; `dateline query articles --json`"),
        (("erase", "article", "a7", "--dry-run"), "there is no article 'a7'"),
        (("dead-letters", "replay"), "by their ids, or by filters"),
        (("dead-letters", "replay", "7", "--stage", "s"), "by their ids, or by filters"),
        (("nonsense",), "nonsense"),
    ],
)
def test_bad_input_is_one_clear_error_with_exit_code_2(env: dict[str, str], arguments: tuple[str, ...], says: str) -> None:
    done = run(env, *arguments)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "arguments", "code"),
    [
        ("DATELINE_DATABASE_URL", "mysql://h/d", ("status",), 2),
        ("DATELINE_DATABASE_URL", NEVER, ("db", "upgrade"), 2),
        ("DATELINE_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/d", ("db", "upgrade"), 1),
        ("DATELINE_BROKER_URL", "amqp://h", ("topics", "ensure"), 2),
        ("DATELINE_BROKER_URL", NEVER, ("topics", "ensure"), 2),
        ("DATELINE_PIPELINE", "no_such_pipeline", ("annotate", "-", "--format", "text"), 2),
        ("DATELINE_NONSENSE", "1", ("status",), 2),
        ("DATELINE_RUN", "3000000000", ("config",), 2),
        ("DATELINE_DATA_DIR", "/dev/null/x", ("status",), 2),
    ],
)
def test_bad_setting_is_one_clear_error_and_never_a_traceback_or_a_secret(
    env: dict[str, str], variable: str, value: str, arguments: tuple[str, ...], code: int
) -> None:
    done = run(env, *arguments, **{variable: value})
    assert (done.returncode, done.stderr.count(b"dateline: ")) == (code, 1)
    assert b"Traceback" not in done.stderr
    assert b"secret" not in done.stderr


def test_feeds_go_out_as_opml_and_come_in_again(env: dict[str, str], tmp_path: Path) -> None:
    run(env, "feeds", "add", "https://example.org/a.xml", "https://example.org/b.xml", "--outlet", "Example & Sons")
    assert run(env, "feeds", "export", "out.opml").returncode == 0
    other = {**env, "DATELINE_DATA_DIR": str(tmp_path / "other")}
    (tmp_path / "other").mkdir()
    done = run(other, "feeds", "import", str(tmp_path / "out.opml"))
    assert done.stdout.decode() == "2 added, 0 known already, 0 refused\n"
    listed = json.loads(run(other, "feeds", "list", "--json").stdout)
    assert {feed["url"] for feed in listed} == {"https://example.org/a.xml", "https://example.org/b.xml"}


def test_csv_has_every_column_under_its_name(env: dict[str, str]) -> None:
    run(env, "feeds", "add", "https://example.org/a.xml", "--country", "gbr")
    [row] = csv.DictReader(io.StringIO(run(env, "feeds", "list", "--csv").stdout.decode()))
    assert (row["url"], row["country"], row["health"]) == ("https://example.org/a.xml", "GBR", "new")


def test_a_title_with_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"title": r"\[/red] [bold]x"}], ("title",), as_json=False, as_csv=False)
    assert r"\[/red] [bold]x" in capsys.readouterr().out


def test_status_counts_feeds_lag_and_rows(env: dict[str, str]) -> None:
    run(env, "feeds", "add", "https://example.org/a.xml")
    run(env, "topics", "ensure")
    found = json.loads(run(env, "status", "--json").stdout)
    assert found["feeds"] == {"new": 1}
    assert (found["next_fetch"]["url"], found["next_fetch"]["next_fetch_why"]) == ("https://example.org/a.xml", "")
    assert "UTC, https://example.org/a.xml" in run(env, "status").stdout.decode()
    assert found["lag"] == dict.fromkeys(
        ("dateline.process", "dateline.store", "dateline.store.dead-letters", "dateline.process.replay"), 0
    )
    assert found["rows"]["feeds"] == 1


def test_status_tells_the_last_error_of_feeds_that_fail_and_articles_a_day(env: dict[str, str]) -> None:
    run(env, "feeds", "import", "-", stdin=b"https://example.org/good\nhttps://example.org/bad\n")
    engine = connect_database(f"sqlite:///{env['DATELINE_DATA_DIR']}/dateline.db")
    with transaction(engine) as conn:
        bad = feeds.c.url == "https://example.org/bad"
        conn.execute(update(feeds).where(bad).values(failures=3, last_error="the name does not resolve"))
        write_annotated(conn, [annotated("a1", feed_id="f1", published_at=datetime.now(UTC))])
        conn.execute(update(feeds).where(~bad).values(feed_id="f1", last_success_at=datetime.now(UTC)))
    engine.dispose()
    found = json.loads(run(env, "status", "--json").stdout)
    assert (found["feeds"], found["articles_per_day"]) == ({"ok": 1, "failing": 1}, 1 / 7)
    shown = run(env, "status").stdout.decode()
    assert "0.1 a day in the last week" in shown
    assert "https://example.org/bad: the name does not resolve (3 in a row)" in shown


def test_check_reads_dates_by_the_country_that_the_feed_was_added_with(env: dict[str, str], loopback: Loopback) -> None:
    entry = b"<item><title>x</title><pubDate>Mon, 02 Mar 2026 12:00:00 IST</pubDate></item>"
    url = loopback.serve("/feed", b"<rss version='2.0'><channel><title>t</title>" + entry + b"</channel></rss>")
    reach = {**env, "DATELINE_ALLOW_NETWORKS": "127.0.0.0/8"}
    assert b"dates: 0 of 1" in run(reach, "feeds", "check", url).stdout
    assert not (Path(env["DATELINE_DATA_DIR"]) / "dateline.db").exists()
    run(reach, "feeds", "add", url, "--unchecked", "--country", "ind")
    assert b"the newest 2026-03-02 06:30 UTC" in run(reach, "feeds", "check", url).stdout
    assert b"the newest 2026-03-02 10:00 UTC" in run(reach, "feeds", "check", url, "--country", "ISR").stdout


def test_status_shows_the_rest_while_the_broker_is_away(env: dict[str, str]) -> None:
    done = run(env, "status", "--json", DATELINE_BROKER_URL="kafka://127.0.0.1:1")
    assert done.returncode == 0
    assert set(json.loads(done.stdout)["lag"].values()) == {None}


def test_config_hides_secrets_and_names_every_setting(env: dict[str, str]) -> None:
    secrets = {"DATELINE_KAFKA_OPTIONS": '{"sasl_plain_password": "hunter2"}', "DATELINE_HTTP_PROXY": "http://u:hunter2@h:3128"}
    done = run(env, "config", DATELINE_DATABASE_URL="postgresql://u:hunter2@h/d", **secrets)
    assert done.returncode == 0
    assert b"hunter2" not in done.stdout
    assert b"DATELINE_ALLOW_NETWORKS" in done.stdout


def test_dead_letter_is_listed_shown_and_replayed_to_its_topic(env: dict[str, str], tmp_path: Path) -> None:
    run(env, "topics", "ensure")
    run(env, "db", "upgrade")
    broker, engine = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}"), connect_database(f"sqlite:///{tmp_path / 'dateline.db'}")
    now = datetime.now(UTC)
    failed = Record("dateline.articles", 3, 7, b"key", b"\xffbytes", (("trace", b"1"),), now)
    producer = broker.producer()
    send_dead_letter(
        producer, "dateline.dead-letters", Failure(failed, ValueError("no good")), stage="s", version="1", now=datetime.now(UTC)
    )
    producer.flush()
    reader = broker.consumer("r", ["dateline.dead-letters"])
    with transaction(engine) as conn:
        write_letters(conn, reader.poll(5.0, 10))

    [listed] = json.loads(run(env, "dead-letters", "list", "--json").stdout)
    assert (listed["topic"], listed["partition"], listed["offset"], listed["message"]) == ("dateline.articles", 3, 7, "no good")
    assert b"no good" in run(env, "dead-letters", "show", str(listed["id"])).stdout
    assert run(env, "dead-letters", "replay", str(listed["id"])).returncode == 0
    [record] = broker.consumer("r", ["dateline.articles"]).poll(5.0, 10)
    assert (record.key, record.value, record.headers) == (failed.key, failed.value, failed.headers)
    assert json.loads(run(env, "dead-letters", "list", "--json").stdout)[0]["replayed_at"] is not None


def test_dead_letters_are_replayed_by_filter_and_each_once(env: dict[str, str], tmp_path: Path) -> None:
    run(env, "topics", "ensure")
    run(env, "db", "upgrade")
    broker, engine = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}"), connect_database(f"sqlite:///{tmp_path / 'dateline.db'}")
    producer, now = broker.producer(), datetime.now(UTC)
    errors: list[Exception] = [ValueError("no"), ChildLost("too slow", cause="timeout"), ChildLost("too slow", cause="timeout")]
    for offset, error in enumerate(errors):
        failed = Record("dateline.articles", 0, offset, b"k", b"%d" % offset, (), now)
        send_dead_letter(producer, "dateline.dead-letters", Failure(failed, error), stage="s", version="1", now=now)
    producer.flush()
    with transaction(engine) as conn:
        write_letters(conn, broker.consumer("r", ["dateline.dead-letters"]).poll(5.0, 10))

    def replayed(*arguments: str) -> list[bytes]:
        before = sum(one.end for one in broker.lag("x", ["dateline.articles"]))
        assert run(env, "dead-letters", "replay", *arguments).returncode == 0
        sent = sum(one.end for one in broker.lag("x", ["dateline.articles"])) - before
        records = broker.consumer(f"r{time.monotonic_ns()}", ["dateline.articles"]).poll(5.0, 100) if sent else []
        newest = sorted(records, key=lambda record: record.offset)[len(records) - sent :]
        return sorted(record.value or b"" for record in newest)

    listed = json.loads(run(env, "dead-letters", "list", "--error", "timeout", "--json").stdout)
    assert [(row["offset"], row["cause"]) for row in listed] == [(2, "timeout"), (1, "timeout")]
    assert json.loads(run(env, "dead-letters", "list", "--since", "2999-01-01", "--json").stdout) == []
    assert replayed("--error", "timeout") == [b"1", b"2"]
    assert replayed("--stage", "s") == [b"0"]
    assert replayed("--stage", "s") == []
    assert replayed(str(listed[0]["id"])) == []
    assert replayed(str(listed[0]["id"]), "--again") == [b"2"]


@pytest.fixture
def referring_letters(env: dict[str, str], tmp_path: Path) -> Iterator[Broker]:
    """Two dead letters whose records were too large to be copied: one still lies in its topic, the other is gone from there."""
    run(env, "topics", "ensure")
    run(env, "db", "upgrade")
    broker, engine = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}"), connect_database(f"sqlite:///{tmp_path / 'dateline.db'}")
    producer, now = broker.producer(), datetime.now(UTC)
    producer.send("dateline.articles", key=b"here", value=b"large", headers=(("trace", b"1"),))
    producer.flush()
    [here] = broker.consumer("r", ["dateline.articles"]).poll(5.0, 10)
    gone = Record("dateline.articles", here.partition, here.offset + 1_000, b"gone", b"large", (), now)
    for record in (here, gone):
        value = b"x" * MAX_RECORD_BYTES  # as large as it says it was
        failed = replace(record, value=value)
        send_dead_letter(producer, "dateline.dead-letters", Failure(failed, ValueError("no")), stage="s", version="1", now=now)
    producer.flush()
    with transaction(engine) as conn:
        assert write_letters(conn, broker.consumer("r", ["dateline.dead-letters"]).poll(5.0, 10)) == 2
    yield broker
    broker.close()
    engine.dispose()


def in_articles(broker: Broker) -> list[tuple[bytes | None, bytes | None, Headers]]:
    records = broker.consumer(f"r{time.monotonic_ns()}", ["dateline.articles"]).poll(5.0, 100)
    return [(record.key, record.value, record.headers) for record in records]


def test_dead_letters_by_reference_are_replayed_from_where_they_lie_and_once(env: dict[str, str], referring_letters: Broker) -> None:
    listed = {row["offset"]: str(row["id"]) for row in json.loads(run(env, "dead-letters", "list", "--json").stdout)}
    here, gone = (listed[offset] for offset in sorted(listed))
    done = run(env, "dead-letters", "replay", "--stage", "s")
    assert (done.returncode, done.stdout) == (1, f"{here} sent to dateline.articles\n".encode())
    assert done.stderr.startswith(f"dateline: not sent: {gone}. ".encode())
    assert b"DATELINE_TOPIC_RETENTION_DAYS" in done.stderr
    assert in_articles(referring_letters) == [(b"here", b"large", (("trace", b"1"),))] * 2
    assert run(env, "dead-letters", "replay", here).stdout == f"{here} was sent before: --again sends it once more\n".encode()
    assert len(in_articles(referring_letters)) == 2


def test_a_dead_letter_of_an_erased_article_is_not_replayed(env: dict[str, str], referring_letters: Broker, tmp_path: Path) -> None:
    with transaction(connect_database(f"sqlite:///{tmp_path / 'dateline.db'}")) as conn:
        bury(conn, "article", "here")
    done = run(env, "dead-letters", "replay", "--stage", "s")
    assert (done.returncode, done.stdout) == (1, b"")
    assert len(in_articles(referring_letters)) == 1


def test_stored_articles_are_sent_to_be_annotated_as_the_next_run(env: dict[str, str], tmp_path: Path) -> None:
    run(env, "topics", "ensure")
    run(env, "db", "upgrade")
    engine = connect_database(f"sqlite:///{tmp_path / 'dateline.db'}")
    with transaction(engine) as conn:
        write_annotated(conn, [annotated("a1", run=4), annotated("a2", language="de")])
    assert b"1 articles are to be annotated anew as run 5" in run(env, "reannotate", "--language", "de").stdout
    broker = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}")
    [record] = broker.consumer("r", ["dateline.articles.replay"]).poll(5.0, 10)
    assert (record.key, record.headers) == (b"a2", (("dateline.run", b"5"),))
    assert run(env, "reannotate", "--run", "3").returncode == 2


def test_status_tells_why_no_feed_is_fetched(env: dict[str, str], tmp_path: Path) -> None:
    run(env, "topics", "ensure")
    run(env, "db", "upgrade")
    broker = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}")
    producer = broker.producer()
    producer.send("dateline.articles", key=b"k", value=b"waits")
    producer.flush()
    with sqlite3.connect(tmp_path / "broker.db") as db:
        db.execute("UPDATE records SET sent_at = sent_at - 4 * 86400")
    reason = "dateline.process has not read records of 3.5 days ago"
    assert json.loads(run(env, "status", "--json").stdout)["ingest"].startswith(reason)
    assert f"ingest    fetches nothing: {reason}" in run(env, "status").stdout.decode()


def test_a_gap_stops_a_stage_until_an_operator_accepts_it(env: dict[str, str], tmp_path: Path) -> None:
    run(env, "topics", "ensure")
    run(env, "db", "upgrade")
    topic, group = "dateline.annotated", "dateline.store"
    broker = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}")
    producer = broker.producer()
    for number in range(3):
        producer.send(topic, key=b"k", value=b"%d" % number)
    producer.flush()
    [partition] = [one.partition.partition for one in broker.lag(group, [topic]) if one.end]
    with sqlite3.connect(tmp_path / "broker.db") as db:  # what retention does
        db.execute("UPDATE partitions SET start = 2 WHERE topic = ? AND number = ?", (topic, partition))
        db.execute("INSERT INTO offsets SELECT ?, id, 0 FROM partitions WHERE topic = ?", (group, topic))

    settings = load_settings(data_dir=tmp_path)
    with pytest.raises(StageStopped, match=r"dateline gaps accept dateline\.store"):
        compose.store(settings, threading.Event())
    [gap] = json.loads(run(env, "gaps", "list", "--json").stdout)
    assert (gap["consumer_group"], gap["from_offset"], gap["to_offset"], gap["accepted_at"]) == (group, 0, 2, None)
    assert run(env, "gaps", "accept", group).returncode == 0
    store_all(settings)


def test_the_place_of_a_log_made_anew_is_the_databases_again_when_the_loss_is_accepted(env: dict[str, str], tmp_path: Path) -> None:
    run(env, "topics", "ensure")
    run(env, "db", "upgrade")
    group, at = "dateline.store", TopicPartition("dateline.annotated", 0)
    settings = load_settings(data_dir=tmp_path)
    engine = compose.open_engine(settings)
    with transaction(engine) as conn:
        reset_offsets(conn, group, {at: 50})  # of the log that was there before
    with pytest.raises(StageStopped, match=r"dateline gaps accept dateline\.store"):
        compose.store(settings, threading.Event())
    assert run(env, "gaps", "accept", group).returncode == 0
    stop = threading.Event()
    worker = threading.Thread(target=compose.store, args=(settings, stop))
    worker.start()
    went_back = until(lambda: stored_offsets(engine, group) == {at: 0})
    stop.set()
    worker.join()
    assert went_back


def store_all(settings: Settings) -> None:
    """Run a storage worker until it has read all there is."""
    topic, group, stop = "dateline.annotated", "dateline.store", threading.Event()
    broker = compose.open_broker(settings)
    worker = threading.Thread(target=compose.store, args=(settings, stop))
    worker.start()
    read = until(lambda: not sum(one.lag for one in broker.lag(group, [topic])))
    stop.set()
    worker.join()
    assert read


def test_a_worker_stores_no_texts_where_the_settings_say_so_and_nothing_that_was_erased(env: dict[str, str], tmp_path: Path) -> None:
    run(env, "topics", "ensure")
    run(env, "erase", "article", "a2", "--unknown-too")
    producer = connect_broker(f"sqlite:///{tmp_path / 'broker.db'}").producer()
    for one in ("a1", "a2"):
        producer.send("dateline.annotated", key=one.encode(), value=encode(annotated(one)))
    producer.flush()
    store_all(load_settings(data_dir=tmp_path, store_text=False))
    [row] = json.loads(run(env, "query", "articles", "--json").stdout)
    assert (row["article_id"], row["events"]) == ("a1", 2)
    assert {row["sentence"] for row in json.loads(run(env, "query", "events", "--json").stdout)} == {""}
    assert b"Keller met" not in (tmp_path / "dateline.db").read_bytes()


def test_annotate_names_bad_lines_and_annotates_the_others(env: dict[str, str]) -> None:
    lines = b"""{"id": 1, "text": "France accused Iran."}
not json

{"id": "2"}
{"id": "3", "text": "", "published_at": "2025-05-13"}
{"id": "4", "text": "", "published_at": "soon"}
{"id": "5", "text": "", "published_at": "0001-01-01T00:00:00+14:00"}
"""
    done = run(env, "annotate", "-", stdin=lines)
    assert done.returncode == 2
    assert [json.loads(line)["article"]["id"] for line in done.stdout.splitlines()] == ["1", "3"]
    errors = done.stderr.decode().splitlines()
    assert [error.split(": ")[1] for error in errors] == ["-:2", "-:4", "-:6", "-:7"]


def test_annotate_takes_a_text_as_it_is(env: dict[str, str], tmp_path: Path) -> None:
    text = "Paris talks\r\n\r\nFrance's president met Angela Merkel in Zürich on Monday.\n"
    (tmp_path / "report.txt").write_bytes(text.encode())
    done = run(env, "annotate", "report.txt", "--format", "text", "--published-at", "2025-05-13")
    [line] = done.stdout.splitlines()
    found = json.loads(line)
    assert (found["schema"], found["article"]["text"], found["article"]["id"]) == ("dateline.annotated/1", text, "report")
    assert found["article"]["published_at"] == "2025-05-13T00:00:00Z"
    assert all(text[mention["start"] : mention["end"]] == mention["text"] for entity in found["entities"] for mention in entity["mentions"])
    assert "2025-05-12" in {time["value"] for time in found["times"]}


def test_what_is_erased_is_counted_and_a_dry_run_says_so(env: dict[str, str], tmp_path: Path) -> None:
    run(env, "db", "upgrade")
    engine = connect_database(f"sqlite:///{tmp_path / 'dateline.db'}")
    with transaction(engine) as conn:
        write_annotated(conn, [annotated("a1"), annotated("a2"), annotated("a3", body="Nobody was named.")])
    engine.dispose()
    one = ("erase", "article", "a1")
    assert run(env, *one, "--dry-run").stdout == b"would remove 1 articles, 0 entities and 0 dead letters\n"
    assert run(env, *one).stdout == b"removed 1 articles, 0 entities and 0 dead letters\n"
    person = ("erase", "entity", "person:maria keller", "--with-articles")
    assert run(env, *person).stdout == b"removed 1 articles, 3 entities and 0 dead letters\n"
    old = ("purge", "--before", "2030-01-01")
    assert run(env, *old).stdout == b"removed 1 articles, 0 entities and 0 dead letters\n"
