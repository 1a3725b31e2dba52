"""Numbers of tables and prose that rules compute: from counts, averages, single images and run times."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.dag.config import Config
from stages.report import node as stage
from stages.report.computing import found
from stages.report.kinds import NumberTable
from stages.report.published import load_cells
from stages.report.results import Measured
from stages.report.rules import Beaten, Gain, Quantile
from stages.report.tables import ALL_TABLES
from tests.conftest import ROOT
from tests.report_project import make_project, page, table_rows

TABLES = [spec for spec in ALL_TABLES if isinstance(spec, NumberTable)]
CELLS = load_cells(ROOT / "published")
PLACES = (("Toys", "sigma=25"), ("Toys", "sigma=50"))
IMAGES = {"one": (30.0, 29.0, 31.0), "two": (28.0, 27.5, 27.0), "three": (26.0, 25.0, 25.5)}  # of ours, other, third


@pytest.fixture
def reporting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """A function that makes a project with results of every node at one scale, the working directory being its root."""
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


@pytest.fixture
def bench(reporting) -> Config:
    """A project at scale bench."""
    return reporting("bench")


def test_every_number_is_a_printed_cell_and_none_is_told_twice():
    printed = {cell.key for cell in CELLS}
    for spec in TABLES:
        places = [(one.dataset, one.item, one.condition, one.method, one.metric) for one in spec.numbers]
        assert len(set(places)) == len(places)
        assert {(spec.paper, spec.table, *place) for place in places} <= printed


def test_every_printed_cell_of_the_two_papers_has_a_row(bench):
    stage.run(bench)
    for paper in {spec.paper for spec in TABLES}:
        rows = {
            (spec.table, *place)
            for spec in ALL_TABLES
            if spec.paper == paper
            for place, row in table_rows(bench, spec.key).items()
            if row["published"]
        }
        assert rows == {cell.key[1:] for cell in CELLS if cell.paper == paper}


def test_counts_are_compared_on_every_scale_and_what_needs_images_is_not(reporting):
    config = reporting("demo")
    stage.run(config)
    gains = [row for place, row in table_rows(config, "zhang2017/text").items() if "gain" in place[-1]]
    assert gains and all(row["status"] == "not run" and row["note"].startswith("demo scale") for row in gains)
    assert "Demo scale: only what needs no test image" in page(config, "zhang2017/text.md")


@pytest.fixture
def toys(bench):
    """A context of three images that three methods restored at two levels, the third at the first alone."""
    context = stage.load_context(bench)
    values = {
        ("Toys", item, condition, name, "psnr"): value
        for item, scores in IMAGES.items()
        for _, condition in PLACES
        for name, value in zip(("ours", "other", "third"), scores, strict=True)
        if (name, condition) != ("third", "sigma=50")
    }
    for condition, name in {place[2:4] for place in values}:
        found = [value for place, value in values.items() if place[2:4] == (condition, name) and place[1] in IMAGES]
        values["Toys", "average", condition, name, "psnr"] = sum(found) / len(found)
    measured = Measured(values=values, items={"Toys": [*IMAGES]}, methods={}, counts={})
    names = sorted({place[2:4] for place in values})
    cells = [CELLS[0]._replace(dataset="Toys", item="average", condition=level, method=name) for level, name in names]
    return dataclasses.replace(context, measured=measured, cells=cells)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (Gain("ours", "other", PLACES), 2.5 / 3),
        (Beaten("ours", ("other", "third"), PLACES, best=True), 2),
        (Beaten("ours", ("other", "third"), PLACES, best=False), 1),
        (Beaten("ours", ("other", "third"), PLACES[1:], best=True), 3),
        (Quantile("ours", ("other",), PLACES, 0.5), 1.0),
        (Quantile("ours", ("other", "third"), PLACES[:1], 0.0), -1.0),
    ],
)
def test_rules_on_images(toys, rule, value):
    assert found(rule, CELLS[0], toys).value == pytest.approx(value)


def test_a_rule_without_one_of_its_averages_says_which(toys):
    del toys.measured.values["Toys", "average", "sigma=50", "other", "psnr"]
    lacking = found(Gain("ours", "other", PLACES), CELLS[0], toys)
    assert lacking.value is None and lacking.remark.startswith("other is not there at sigma=50: ")
