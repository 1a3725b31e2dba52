"""Numbers of tables and prose that rules compute: from counts, averages, single images and run times."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from redenoise.dag.config import Config
from redenoise.support.errors import UserError
from stages.report import node as stage
from stages.report import times
from stages.report.computing import found
from stages.report.kinds import NumberTable
from stages.report.published import PrintedCell, load_cells
from stages.report.results import Measured
from stages.report.rules import Beaten, Gain, Quantile, Timed
from stages.report.tables import ALL_TABLES
from tests.conftest import ROOT
from tests.report_project import make_project, page, table_rows

TABLES = [spec for spec in ALL_TABLES if isinstance(spec, NumberTable)]
CELLS = load_cells(ROOT / "published")
PLACES = (("Toys", "sigma=25"), ("Toys", "sigma=50"))
IMAGES = {"one": (30.0, 29.0, 31.0), "two": (28.0, 27.5, 27.0), "three": (26.0, 25.0, 25.5)}  # of ours, other, third


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """A project with results of every node at scale bench, and its folder."""
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, make_project(folder, "bench")


@pytest.fixture
def bench(made: tuple[Path, Config], monkeypatch: pytest.MonkeyPatch) -> Iterator[Config]:
    """That project, the working directory being its root, without a benchmark of times."""
    monkeypatch.chdir(made[0])
    yield made[1]
    shutil.rmtree(times.FOLDER, ignore_errors=True)


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


def test_counts_are_compared_on_every_scale_and_what_needs_images_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = make_project(tmp_path, "demo")
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


TIMED = Timed("csf, gray", "cpu", (("BM3D", "BM3D, gray"), ("DnCNN-S", "dncnn_s, gray")))
SECONDS = {"csf, gray": 4.0, "BM3D, gray": 1.3, "dncnn_s, gray": 1.48}


def benchmark(seconds: dict, kind: str = "cpu") -> None:
    """The file of a machine that measured some methods at one size."""
    machine = {"kind": kind, "device": "A Device", "cores": 3, "torch": "9.9"}
    found_at = {name: {"256": {"seconds": value}} for name, value in seconds.items()}
    times.FOLDER.mkdir(parents=True)
    (times.FOLDER / "methods-x.json").write_text(json.dumps({"machine": machine, "found": found_at}))


def timed(method: str, metric: str = "runtime_cpu") -> PrintedCell:
    place = ("table4_runtime", "size=256", method, metric)
    return next(cell for cell in CELLS if (cell.table, cell.condition, cell.method, cell.metric) == place)


def test_a_run_time_is_compared_by_its_ratio_to_two_others(bench):
    benchmark(SECONDS)
    context = stage.load_context(bench)
    # Print has 0.65 s for BM3D and 0.74 s for DnCNN-S, half of what this machine took.
    row = found(TIMED, timed("CSF"), context)
    assert row.value == pytest.approx(2.0) and row.remark == "4 s on A Device, 3 cores, PyTorch 9.9"
    alone = found(dataclasses.replace(TIMED, subject="BM3D, gray"), timed("BM3D"), context)
    assert alone.value == pytest.approx(0.65), "the method itself is left out: by DnCNN-S alone"
    stage.run(bench)
    rows = table_rows(bench, "zhang2017/table4_runtime")
    assert rows["", "", "size=256", "CSF", "runtime_cpu"]["status"] == "reproduced"
    assert rows["", "", "size=256", "TNRD", "runtime_cpu"]["note"].startswith("TNRD is not measured yet")
    assert rows["", "", "size=256", "TNRD", "runtime_gpu"]["note"].startswith("not measured on a GPU yet; ")


def test_a_column_with_one_reference_takes_that_and_none_has_no_value(bench):
    benchmark(SECONDS, "cuda")
    context = stage.load_context(bench)
    cuda = dataclasses.replace(TIMED, kind="cuda")
    assert found(cuda, timed("TNRD", "runtime_gpu"), context).value == pytest.approx(4.0 * 0.014 / 1.48)
    assert found(cuda, timed("DnCNN-S", "runtime_gpu"), context).remark.startswith("no other method of the column")


@pytest.mark.parametrize(
    ("seconds", "line"), [({"csf, gray": 0.0}, "csf, gray/256"), ({"csf, gray": "fast"}, "not what a benchmark writes")]
)
def test_a_damaged_benchmark_is_refused(bench, seconds, line):
    benchmark(seconds)
    with pytest.raises(UserError, match=rf"methods-x\.json: {line}"):
        stage.load_context(bench)
