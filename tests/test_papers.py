"""Papers and their tables: each is declared in one module, which is all that a further one needs."""

from pathlib import Path

import pytest

from stages.report import outputs, papers, tables
from tests.conftest import ROOT

MODULE = """
from dataclasses import replace
from stages.report.kinds import Paper
from stages.report.papers.liu2018 import TABLES as OTHERS
PAPER = Paper("another2026", "another2026_x.csv", "Another et al.", "A title")
TABLES = (replace(OTHERS[0], paper=PAPER.key, dataset="Urban100", images=100),)
"""


def test_a_further_paper_needs_one_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "another2026.py").write_text(MODULE)
    monkeypatch.setattr(papers, "__path__", [*papers.__path__, str(tmp_path)])
    found, all_tables = papers.load()
    assert list(found) == ["another2026", *tables.PAPERS]
    assert {table.key for table in all_tables} - {table.key for table in tables.ALL_TABLES} == {
        "another2026/table1_kodak"
    }


def test_every_table_belongs_to_its_paper_and_has_files_of_its_own():
    assert {table.paper for table in tables.ALL_TABLES} <= set(tables.PAPERS)
    assert len({table.key for table in tables.ALL_TABLES}) == len(tables.ALL_TABLES)
    names = {path.relative_to("reports/demo").as_posix() for path in outputs("demo")}
    for table in tables.ALL_TABLES:
        assert {f"{table.key}{suffix}" for suffix in (".md", ".json", ".tex", ".csv")} <= names


def test_every_paper_has_its_file_of_cells_and_every_file_its_paper():
    files = {path.name for path in (ROOT / "published").glob("*.csv")} - {"misprints.csv"}
    assert {paper.file for paper in tables.PAPERS.values()} == files
    assert all(key == paper.key for key, paper in tables.PAPERS.items())


def test_tables_of_one_set_agree_on_its_size():
    sizes = {(table.dataset, table.images) for table in tables.ALL_TABLES}
    assert len(sizes) == len({dataset for dataset, _ in sizes})
