"""The data dictionary against the code and against both databases."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine

from scripts.data_dictionary import MARK, PAGE, reference
from storage.engine import reading, transaction
from storage.writer import write_annotated
from tests.services.postgres import DATABASES
from tests.storage.samples import annotated

BLOCK = re.compile(r"```sql ?(\w*)\n(.*?)```", re.DOTALL)
SAMPLES = [
    pytest.param(database, sql, id=f"{database}: {' '.join(sql.split())[:60]}")
    for only, sql in BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    for database in ([only] if only else DATABASES)
]


def test_page_has_every_table_view_and_column_as_the_code_declares_them() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(MARK)[2] == reference(), "run `python -m scripts.data_dictionary`"


@pytest.mark.parametrize(("database_url", "sql"), SAMPLES, indirect=["database_url"])
def test_sample_runs_and_has_columns(engine: Engine, sql: str) -> None:
    with transaction(engine) as conn:
        write_annotated(conn, [annotated(), annotated("a2")])
    with reading(engine) as conn:
        assert len(conn.exec_driver_sql(sql).keys()) >= 2


def test_offsets_of_participants_cut_their_words_out_of_the_text(engine: Engine) -> None:
    sql = next(sql for _, sql in BLOCK.findall(PAGE.read_text(encoding="utf-8")) if "in_the_article" in sql)
    with transaction(engine) as conn:
        write_annotated(conn, [annotated(title="Größe 🚀 im 中文")])
        rows = conn.exec_driver_sql(sql).all()
    assert [row.text for row in rows] == [row.in_the_article for row in rows] == ["Maria Keller", "Ivan Petrov", "Maria Keller"]
