"""Write the names of the months in the languages of the Unicode CLDR, as Babel has them, to ingest/data/months.tsv."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from babel import Locale, localedata

from ingest.dates import folded

TABLE = Path(__file__).parent.parent / "ingest" / "data" / "months.tsv"
LANGUAGES = (
    "af", "ar", "az", "be", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fil",
    "fr", "ga", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ka", "kk", "km", "kn", "ko", "ky", "lt", "lv",
    "mk", "ml", "mn", "mr", "ms", "my", "nb", "ne", "nl", "nn", "pa", "pl", "ps", "pt", "ro", "ru", "si", "sk", "sl", "sq",
    "sr", "sr_Latn", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "uz", "vi", "zu",
)  # fmt: skip
HEAD = """\
# Names of the months, full and short, as feeds write them in pubDate against RFC 822.
# name	folded as ingest.dates.folded does: lower case, without marks and without a dot at the end
# month	1 to 12
# languages	ISO 639-1 where there is one
# Source: Unicode CLDR through Babel, by scripts/month_names.py. Left out: names of different months in two languages (listopad).
"""


def names() -> dict[str, dict[int, set[str]]]:
    """Return folded name → month → languages."""
    found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for language in filter(localedata.exists, LANGUAGES):
        for by_width in Locale.parse(language).months.values():
            for width in ("wide", "abbreviated"):
                for month, name in by_width.get(width, {}).items():
                    found[folded(name).rstrip(".")][month].add(language)
    return found


def main() -> None:
    """Write the table."""
    usable = {name: months for name, months in names().items() if len(name) > 2 and not set(name) & set(" 0123456789")}
    rows = [
        f"{name}\t{month}\t{','.join(sorted(languages))}"
        for name, months in sorted(usable.items())
        if len(months) == 1
        for month, languages in months.items()
    ]
    TABLE.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(rows):,} names")


if __name__ == "__main__":
    main()
