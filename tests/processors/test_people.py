"""Names of people compared: which are one person's."""

import pytest

from processors.mentions import RawMention
from processors.people import full_names, is_same_person, name_words


def stand_for(*names: str) -> list[str]:
    mentions = [RawMention(n * 5, n * 5 + 1, "PERSON", name) for n, name in enumerate(names)]
    found = full_names(mentions)
    return [found.get(m, "") for m in mentions]


@pytest.mark.parametrize(
    "names",
    [
        ("Volodymyr Zelensky", "Zelenskyy", "Zelensky", "Volodymyr Zelenskiy"),
        ("Abdel Fattah al-Sisi", "al-Sisi", "Sisi", "el-Sissi"),
        ("Bashar al-Assad", "Assad", "Bashar Assad"),
        ("Xi Jinping", "Xi"),
        ("Kim Jong-un", "Kim", "Kim Jong Un"),
        ("Andrés Manuel López Obrador", "López Obrador", "Lopez Obrador", "Obrador"),
        ("Pedro Sánchez Pérez-Castejón", "Pedro Sánchez", "Sánchez"),
        ("Ursula von der Leyen", "von der Leyen", "Leyen"),
        ("Mohammed bin Salman", "bin Salman"),
        ("George W. Bush", "George Bush", "Bush"),
        ("Martin Luther King Jr.", "King"),
        ("Jean-Luc Mélenchon", "Melenchon"),
        ("Sergei Lavrov", "Sergey Lavrov", "LAVROV"),
    ],
)
def test_the_ways_to_name_a_person_are_one_person(names: tuple[str, ...]) -> None:
    assert stand_for(*names) == [names[0]] * len(names)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Bill Clinton", "Clinton", "Hillary Clinton", "Clinton"), ["Bill Clinton", "Bill Clinton", "Hillary Clinton", "Hillary Clinton"]),
        (("Donald Trump", "Donald Tusk", "Tusk"), ["Donald Trump", "Donald Tusk", "Donald Tusk"]),
        (("Bruce Le", "Lee"), ["Bruce Le", ""]),
        (("Ali Khamenei", "Ruhollah Khomeini", "Khomeini"), ["Ali Khamenei", "Ruhollah Khomeini", "Ruhollah Khomeini"]),
        (("Merkel", "Angela Merkel"), ["Angela Merkel", "Angela Merkel"]),
        (("Merkel",), [""]),
    ],
)
def test_people_who_share_a_word_stay_apart(names: tuple[str, ...], expected: list[str]) -> None:
    assert stand_for(*names) == expected


@pytest.mark.parametrize(
    ("short", "long", "same"),
    [
        ("Tayyip Erdogan", "Recep Tayyip Erdogan", True),
        ("Erdogan", "Recep Tayyip Erdogan", False),
        ("Emine Erdogan", "Recep Tayyip Erdogan", False),
        ("", "Recep Tayyip Erdogan", False),
        ("Recep Tayyip Erdogan", "Tayyip Erdogan", False),
    ],
)
def test_a_shorter_name_of_two_words_is_in_the_longer_one(short: str, long: str, same: bool) -> None:
    assert is_same_person(short, long) is same


@pytest.mark.parametrize("name", ["", ".", "'", "-", "Jr.", "al-", "X Æ A-12", "😀", "O'Neill", "D’Angelo"])
def test_any_name_has_words_or_none(name: str) -> None:
    assert all(name_words(name)) or name_words(name) == ()
