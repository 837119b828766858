"""Groups in the broker's file: who is a member, who owns which partition, and how far a group has come.

A member owns a partition while its row in ``assignments`` says so and its lease has not run out. A member changes only its own
rows: it lets go of what it has too much and takes what nobody owns, so a partition never has two owners. Whoever notices a member
whose lease ran out strikes it off. Every change of members or owners is a new generation of the group.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stream.broker import TopicPartition, unknown_topic
from stream.sqlite_file import marks


@dataclass(frozen=True)
class Move:
    """What one member changes: partition ids it lets go of, and ids it takes."""

    release: tuple[int, ...] = ()
    take: tuple[int, ...] = ()


def share(me: str, members: Collection[str], owners: Mapping[int, str | None]) -> Move:
    """Return what *me* changes so that *members* share the partitions evenly, counts differing by one at most.

    *owners* maps partition ids to members, None where nobody owns one. Who owns most now may keep the odd ones, so nothing
    moves without need. Only what nobody owns is taken: another member first has to let go.
    """
    held = {member: [each for each, owner in owners.items() if owner == member] for member in members}
    ranked = sorted(members, key=lambda member: (-len(held[member]), member))
    quota = len(owners) // len(members) + (ranked.index(me) < len(owners) % len(members))
    free = [each for each, owner in owners.items() if owner is None]
    return Move(release=tuple(held[me][quota:]), take=tuple(free[: max(0, quota - len(held[me]))]))


def join(db: sqlite3.Connection, group: str, member: str, topics: Sequence[str], lease: float) -> None:
    """Make *member* one of *group*; it lives from its first ``renew`` on. Raises ConfigError for a topic that does not exist."""
    for topic in topics:
        if db.execute("SELECT 1 FROM topics WHERE name = ?", (topic,)).fetchone() is None:
            raise unknown_topic(topic)
    db.execute("INSERT INTO members VALUES (?, ?, ?, ?, 0)", (member, group, json.dumps(topics), lease))
    _new_generation(db, group)


def is_living(db: sqlite3.Connection, member: str, now: float) -> bool:
    """Tell whether the lease of *member* has not run out; a sign of life from the future (the clock was set back) counts as none."""
    row = db.execute("SELECT seen_at, lease FROM members WHERE id = ?", (member,)).fetchone()
    return row is not None and abs(now - row[0]) <= row[1]


def renew(db: sqlite3.Connection, member: str, now: float) -> None:
    """Note a sign of life of *member*."""
    db.execute("UPDATE members SET seen_at = ? WHERE id = ?", (now, member))


def subscribe(db: sqlite3.Connection, group: str, topics: Iterable[str], now: float) -> None:
    """Note that *group* reads *topics*: what it has not read yet is kept."""
    db.executemany(
        "INSERT INTO subscriptions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at",
        [(group, topic, now) for topic in topics],
    )


def dead_members(db: sqlite3.Connection, group: str, now: float) -> list[str]:
    """Return the members of *group* whose lease ran out."""
    return [row[0] for row in db.execute("SELECT id FROM members WHERE grp = ? AND abs(? - seen_at) > lease", (group, now))]


def strike_off(db: sqlite3.Connection, group: str, members: Sequence[str]) -> None:
    """Take *members* out of the group: their partitions belong to nobody."""
    if members:
        db.execute(f"DELETE FROM assignments WHERE grp = ? AND member IN ({marks(members)})", (group, *members))
        db.execute(f"DELETE FROM members WHERE id IN ({marks(members)})", tuple(members))
        _new_generation(db, group)


def rebalance(db: sqlite3.Connection, group: str, me: str, topics: Iterable[str]) -> None:
    """Let go of what *me* has too much, and take what nobody owns."""
    members = db.execute("SELECT id, topics FROM members WHERE grp = ?", (group,)).fetchall()
    subscribed = {member: json.loads(names) for member, names in members}
    release: list[int] = []
    take: list[int] = []
    for topic in topics:
        rows = db.execute(
            "SELECT id, member FROM partitions LEFT JOIN assignments ON partition = id AND grp = ? WHERE topic = ? ORDER BY number",
            (group, topic),
        )
        move = share(me, [member for member, names in subscribed.items() if topic in names], dict(rows.fetchall()))
        release += move.release
        take += move.take
    if release or take:
        number = _new_generation(db, group)
        db.executemany("DELETE FROM assignments WHERE grp = ? AND partition = ?", [(group, each) for each in release])
        db.executemany("INSERT INTO assignments VALUES (?, ?, ?, ?)", [(group, each, me, number) for each in take])


def generation(db: sqlite3.Connection, group: str) -> int | None:
    """Return the number of *group*'s generation, None where nobody has ever joined."""
    row = db.execute("SELECT generation FROM groups WHERE name = ?", (group,)).fetchone()
    return None if row is None else int(row[0])


def assigned(db: sqlite3.Connection, group: str, member: str) -> dict[TopicPartition, tuple[int, int]]:
    """Return id and generation of each partition that *member* owns."""
    rows = db.execute(
        "SELECT topic, number, id, generation FROM assignments JOIN partitions ON id = partition WHERE grp = ? AND member = ?",
        (group, member),
    )
    return {TopicPartition(topic, number): (id_, given_in) for topic, number, id_, given_in in rows}


def commit(db: sqlite3.Connection, group: str, offsets: Iterable[tuple[int, int]]) -> None:
    """Write the next offset to read of each partition id."""
    db.executemany(
        "INSERT INTO offsets VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET offset = excluded.offset",
        [(group, partition, offset) for partition, offset in offsets],
    )


def committed(db: sqlite3.Connection, group: str, partition: int) -> tuple[int, int, int | None]:
    """Return where the log of a partition id starts and ends, and the offset that *group* has committed."""
    start, end, offset = db.execute(
        "SELECT start, end, offset FROM partitions LEFT JOIN offsets ON partition = id AND grp = ? WHERE id = ?", (group, partition)
    ).fetchone()
    return start, end, offset


def _new_generation(db: sqlite3.Connection, group: str) -> int:
    row = db.execute(
        "INSERT INTO groups VALUES (?, 1) ON CONFLICT DO UPDATE SET generation = generation + 1 RETURNING generation", (group,)
    ).fetchall()[0]
    return int(row[0])
