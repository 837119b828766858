"""Ingest waits where what it fetches would be deleted before it is processed, or would fill the disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dateline import compose
from dateline.brake import Brake, Load, load_of, reason_to_wait
from stream.connect import connect_broker
from stream.settings import load_settings
from tests.system.disk import temporary_disk

MIB = 1024 * 1024
HERE = Path("/data")
LIMIT = timedelta(days=3.5)


@pytest.mark.parametrize(
    ("late", "free", "says"),
    [
        ((), {HERE: 0.5}, None),
        ((), {}, None),
        ((), {HERE: 0.09}, "9% of the disk is free at /data"),
        (("t.process",), {HERE: 0.5}, "t.process has not read records of 3.5 days ago"),
    ],
)
def test_late_readers_and_a_full_disk_are_reasons_to_wait(late: tuple[str, ...], free: dict[Path, float], says: str | None) -> None:
    reason = reason_to_wait(Load(late, LIMIT, free))
    assert (reason or "").startswith(says or "")
    assert (reason is None) == (says is None)


def test_a_record_that_waits_for_more_than_half_the_retention_makes_its_group_late(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, topic_retention_days=2.0)
    broker = connect_broker(settings.broker)
    broker.ensure_topics(compose.topics(settings))
    producer = broker.producer()
    producer.send(settings.articles_topic, key=b"k", value=b"v")
    producer.flush()
    groups, now = compose.groups(settings), datetime.now(UTC)
    assert load_of(settings, broker, groups, now + timedelta(hours=23)).late == []
    assert load_of(settings, broker, groups, now + timedelta(hours=25)).late == ["dateline.process"]


def test_a_disk_that_is_nearly_full_is_a_reason_until_there_is_room_again() -> None:
    with temporary_disk(16 * MIB) as disk:
        if not disk.small:
            pytest.skip("a disk cannot be mounted here")
        settings = load_settings(data_dir=disk.folder / "data")
        broker = connect_broker(settings.broker)
        broker.ensure_topics(compose.topics(settings))
        ballast = disk.folder / "ballast"
        ballast.write_bytes(bytes(15 * MIB))
        assert "of the disk is free at" in str(Brake(settings, broker, compose.live_groups(settings))())
        ballast.unlink()
        assert Brake(settings, broker, compose.live_groups(settings))() is None
        broker.close()


def test_a_broker_that_is_away_is_no_reason(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, broker_url="kafka://127.0.0.1:1")
    assert Brake(settings, compose.open_broker(settings), compose.groups(settings))() is None
