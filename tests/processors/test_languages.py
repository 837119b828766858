"""Articles in many languages: which one a text is in, and who reads it."""

from pathlib import Path

import pytest
import spacy

from processors.annotate import Annotator
from processors.languages import any_language, load_language
from processors.languages.identify import bare_code, language_of
from stream.errors import ConfigError
from stream.messages import Article

NEWS = {
    "en": (
        "The president met the chancellor in Berlin on Monday. Police arrested twelve people, and the United Nations called on both "
        "sides to show restraint. Parliament is to vote in the autumn."
    ),
    "de": (
        "Der ukrainische Präsident hat am Montag in Berlin mit Angela Merkel gesprochen. Die Polizei nahm zwölf Menschen fest, und die"
        " Vereinten Nationen riefen beide Seiten zur Zurückhaltung auf."
    ),
    "fr": (
        "Le président ukrainien a rencontré lundi à Paris le chef de l'État. La police a arrêté douze personnes et les Nations unies "
        "ont appelé les deux parties à la retenue."
    ),
    "es": (
        "El presidente ucraniano se reunió el lunes en Madrid con el jefe del Gobierno. La policía detuvo a doce personas y las "
        "Naciones Unidas pidieron moderación a ambas partes."
    ),
    "tr": (
        "Ukrayna Cumhurbaşkanı pazartesi günü Ankara'da Erdoğan ile görüştü. Polis on iki kişiyi gözaltına aldı, Birleşmiş Milletler "
        "ise iki tarafı itidale çağırdı."
    ),
    "ru": (
        "Президент Украины встретился в понедельник в Берлине с канцлером. Полиция задержала двенадцать человек, а Организация "
        "Объединённых Наций призвала обе стороны к сдержанности."
    ),
    "ar": (
        "التقى الرئيس الأوكراني يوم الاثنين في برلين بالمستشار. واعتقلت الشرطة اثني عشر شخصا ودعت الأمم المتحدة الطرفين إلى ضبط النفس."
        " وسيصوت البرلمان في الخريف على هذا الموضوع."
    ),
    "zh": (
        "乌克兰总统星期一在柏林会见了德国总理。警方逮捕了十二人,联合国呼吁双方保持克制。议会将在秋季就此进行表决。记者提问时,他"
        "表示谈判将继续进行,并感谢各国的支持。他还说,和平是所有人的愿望,双方必须尽快停火。政府发言人拒绝评论此事。"
    ),
    "no": (
        "Ukrainas president møtte mandag forbundskansleren i Berlin. Politiet pågrep tolv personer, og De forente nasjoner ba begge "
        "sider om å vise tilbakeholdenhet."
    ),
    "it": (
        "Il presidente ucraino ha incontrato lunedì a Roma il capo del governo. La polizia ha arrestato dodici persone e le Nazioni "
        "Unite hanno invitato entrambe le parti alla moderazione."
    ),
}


@pytest.mark.parametrize("code", NEWS)
def test_a_text_without_a_language_gets_the_one_it_is_in(code: str) -> None:
    assert language_of(NEWS[code], None, "en") == code


@pytest.mark.parametrize("code", NEWS)
def test_a_feed_that_says_english_of_everything_is_found_wrong(code: str) -> None:
    assert language_of(NEWS[code], "en", "en") == code


@pytest.mark.parametrize(
    "text", ["Merkel", "Macron en visite à Berlin", "Xi Jinping in Moskau", "", "12:30", "https://example.org/" + "a/" * 200]
)
def test_too_short_a_text_is_in_what_its_feed_says_else_in_the_default(text: str) -> None:
    assert language_of(text, "fr", "en") == "fr"
    assert language_of(text if len(text) < 25 or text.startswith("http") else "", None, "en") == "en"


@pytest.mark.parametrize(("text", "said"), [("no", "da"), ("es", "gl"), ("ru", "bg")])
def test_of_two_languages_that_are_much_alike_the_feed_decides(text: str, said: str) -> None:
    assert language_of(NEWS[text], said, "en") == said


@pytest.mark.parametrize(
    ("tag", "code"), [("en-GB", "en"), ("zh_Hant_TW", "zh"), ("nb", "no"), ("iw", "he"), (None, ""), ("", ""), (" DE ", "de")]
)
def test_a_tag_is_reduced_to_its_language(tag: str | None, code: str) -> None:
    assert bare_code(tag) == code


def test_a_language_without_a_table_has_no_words_and_no_lexicon() -> None:
    assert load_language("de") is None
    spec = any_language("de")
    assert (spec.lexicon, len(spec.months), len(spec.honorifics)) == ("", 0, 0)


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A German pipeline that knows one name."""
    nlp = spacy.blank("de")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PER", "pattern": "Angela Merkel"}, {"label": "LOC", "pattern": "Berlin"}])
    path = tmp_path_factory.mktemp("pipelines") / "de_names"
    nlp.meta["name"] = "names"
    nlp.to_disk(path)
    return str(path)


def test_an_article_is_read_by_the_pipeline_of_its_language_or_kept_without_annotation(german: str) -> None:
    articles = [Article(id=code, text=NEWS[code], language="en" if code == "de" else None) for code in ("fr", "de", "en")]
    french, read, english = Annotator(languages={"de": german}).annotate(articles)
    assert (french.status, french.language, french.entities, french.article) == ("no-pipeline", "fr", (), articles[0])
    assert (read.status, read.language, read.pipeline.name, read.article.language) == ("annotated", "de", "de_names", "en")
    assert {(e.name, e.type) for e in read.entities} >= {("Angela Merkel", "PERSON")}
    assert (read.times, read.events) == ((), ())
    assert len(read.sentences) == 2
    assert (english.status, english.language, english.pipeline.name) == ("annotated", "en", Annotator().info.name)
    assert [t.text for t in english.times] == ["Monday", "the autumn"] or english.times == ()


def test_what_a_language_gets_does_not_depend_on_the_others_in_the_batch(german: str) -> None:
    annotator = Annotator(languages={"de": german})
    articles = [Article(id=f"{n}", text=NEWS[code]) for n, code in enumerate(("de", "en", "fr", "en", "de"))]
    assert annotator.annotate(articles) == tuple(one for article in articles for one in annotator.annotate([article]))


def test_a_language_s_pipeline_that_is_not_there_is_said_at_the_start() -> None:
    with pytest.raises(ConfigError, match="xx_missing"):
        Annotator(languages={"de": "xx_missing"})


def test_a_pipeline_without_names_is_refused(tmp_path: Path) -> None:
    spacy.blank("de").to_disk(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="named entities"):
        Annotator(languages={"de": str(tmp_path / "nothing")})


def test_the_words_of_a_batch_are_forgotten_after_it() -> None:
    annotator = Annotator()
    strings = annotator._readers["en"].nlp.vocab.strings
    annotator.annotate([Article(id="1", text=NEWS["en"], language="en")])
    before = len(strings)
    words = " ".join(f"Zorblatt{n}ian president Kro{n}nix met him." for n in range(50))
    annotator.annotate([Article(id="2", text=words, language="en")])
    assert len(strings) == before
