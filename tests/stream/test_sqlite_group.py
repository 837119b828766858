"""Fair shares of the partitions."""

from __future__ import annotations

import pytest

from stream.sqlite_group import Move, share


@pytest.mark.parametrize(
    ("members", "owners", "move"),
    [
        ("a", {1: None, 2: None}, Move(take=(1, 2))),
        ("a", {1: "a", 2: "a"}, Move()),
        ("ab", {1: "b", 2: "b", 3: None, 4: None}, Move(take=(3, 4))),
        ("ab", {1: "b", 2: "b", 3: "b", 4: "b"}, Move()),  # b has to let go first
        ("ab", {1: "a", 2: "a", 3: "a", 4: None}, Move(release=(3,))),
        ("ab", {1: "a", 2: "a", 3: "a"}, Move(release=(3,))),  # who owns most keeps the odd one
        ("ab", {1: "a", 2: "a", 3: "b"}, Move()),
        ("ab", {1: "b", 2: "b", 3: None}, Move(take=(3,))),
        ("abc", {1: None}, Move(take=(1,))),
        ("abc", {1: "c"}, Move()),  # more members than partitions
        ("abc", {}, Move()),
    ],
)
def test_a_member_lets_go_of_what_it_has_too_much_and_takes_what_nobody_owns(
    members: str, owners: dict[int, str | None], move: Move
) -> None:
    assert share("a", list(members), owners) == move


@pytest.mark.parametrize("partitions", [0, 1, 5, 12])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_become_even_whoever_moves_first_and_then_nothing_moves(partitions: int, count: int) -> None:
    members = [f"m{number}" for number in range(count)]
    owners: dict[int, str | None] = dict.fromkeys(range(partitions), members[0])
    for _ in range(3):
        for member in reversed(members):
            move = share(member, members, owners)
            assert all(owners[each] is None for each in move.take)
            assert all(owners[each] == member for each in move.release)
            owners |= dict.fromkeys(move.release, None) | dict.fromkeys(move.take, member)
    held = [list(owners.values()).count(member) for member in members]
    assert max(held) - min(held) <= 1
    assert sum(held) == partitions
    assert {share(member, members, owners) for member in members} == {Move()}
