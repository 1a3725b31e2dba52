"""The report's join on hand-made results: verdicts, averages, notes, and the same bytes twice."""

import dataclasses
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from redenoise.commands.latex import cells
from redenoise.dag import paths
from redenoise.dag.config import ROOT, Config
from redenoise.support.errors import UserError
from redenoise.support.numbers import fixed
from stages.report import node as stage
from stages.report import outputs, published
from stages.report.join import compare
from stages.report.kinds import Method
from stages.report.protocols import missing
from stages.report.rows import DECIMALS, signed
from stages.report.shown import change, number
from stages.report.tables import ALL_TABLES, TABLES
from tests.report_project import fake_rows, make_project, page, table_rows, write_record, write_results


@pytest.fixture
def reporting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """A function that makes a project with results of every node at one scale, the working directory being its root."""
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


def test_every_output_is_written_and_equal_runs_give_equal_bytes(reporting):
    config = reporting("bench")
    contents = []
    for _ in range(2):
        stage.run(config)
        contents.append({path: path.read_bytes() for path in outputs("bench")})
    assert contents[0] == contents[1]
    written = {path for path in paths.reports("bench").rglob("*") if path.is_file()}
    assert written == set(outputs("bench"))


def test_each_status_and_its_note(reporting):
    config = reporting("bench")
    stage.run(config)
    rows = table_rows(config, "liu2018/table1_kodak")
    good = rows["Kodak", "01", "sigma=25", "DnCNN", "psnr"]
    assert (good["published"], good["reproduced"], good["delta"]) == ("29.75", "29.7540", "+0.0040")
    assert (good["status"], good["note"], good["table"], good["unit"]) == ("reproduced", "", "table1_kodak", "dB")
    assert rows["Kodak", "01", "sigma=25", "CBM3D", "psnr"]["status"] == "off"
    other = rows["Kodak", "01", "sigma=25", "CDnCNN-B (one blind model)", "psnr"]
    assert (other["status"], other["published"], other["delta"]) == ("unprinted", "", "")
    assert rows["Kodak", "01", "sigma=25", "DnCNN", "ssim"]["status"] == "unprinted"
    blind = table_rows(config, "liu2020/table3_cbsd68")["CBSD68", "average", "sigma=25", "DnCNN", "psnr"]
    assert blind["note"] == "measured with CDnCNN-B"


def test_suspected_misprints_are_shown_and_never_corrected(reporting):
    config = reporting("bench")
    stage.run(config)
    row = table_rows(config, "liu2020/table2_kodak")["Kodak", "17", "sigma=35", "CBM3D", "psnr"]
    assert (row["published"], row["delta"], row["status"]) == ("30.64", "+0.3000", "off")
    assert "suspected misprint (strong)" in row["note"]
    assert "best estimate 31.2, delta against it -0.2600" in row["note"]
    assert "30.64 [1]" in page(config, "liu2020/table2_kodak.md")


def test_half_a_unit_of_the_printed_last_place_comes_on_top_of_the_tolerance(reporting):
    config = reporting("bench")
    for shift, status in ((0.0249, "reproduced"), (0.0251, "off"), (-0.0249, "reproduced")):
        rows = [f"BSD68,test{number:03},sigma=15,DnCNN-S,psnr,dB,{31.73 + shift:.6f}" for number in range(1, 69)]
        write_results(config, "bsd68-dncnn_s", rows)
        stage.run(config)
        cell = table_rows(config, "zhang2017/table2_bsd68")["BSD68", "average", "sigma=15", "DnCNN-S", "psnr"]
        assert cell["status"] == status, shift


def test_an_average_needs_every_image(reporting):
    config = reporting("bench")
    for key in ("kodak-dncnn", "bsd68-dncnn_s"):
        write_results(config, key, fake_rows(config, key)[2:])  # The first image at the lowest sigma is missing.
    stage.run(config)
    kodak = table_rows(config, "liu2018/table1_kodak")
    assert kodak["Kodak", "average", "sigma=25", "DnCNN", "psnr"]["status"] == "not run"
    assert "every image of Kodak" in kodak["Kodak", "average", "sigma=25", "DnCNN", "psnr"]["note"]
    assert kodak["Kodak", "01", "sigma=25", "DnCNN", "psnr"]["note"] == "DnCNN did not measure image 01 at sigma=25"
    assert kodak["Kodak", "average", "sigma=35", "DnCNN", "psnr"]["status"] == "reproduced"
    bsd68 = table_rows(config, "zhang2017/table2_bsd68")
    assert bsd68["BSD68", "average", "sigma=15", "DnCNN-S", "psnr"]["status"] == "not run"
    metrics = json.loads(page(config, "metrics.json"))["zhang2017/table2_bsd68"]
    assert "DnCNN-S" not in metrics.get("sigma=15", {})
    assert "DnCNN-S" in metrics["sigma=25"]


def test_the_cells_of_every_paper_are_counted_for_dvc(reporting):
    config = reporting("bench")
    stage.run(config)
    for paper in dict.fromkeys(table.paper for table in ALL_TABLES):
        rows = [row for spec in ALL_TABLES if spec.paper == paper for row in table_rows(config, spec.key).values()]
        printed = [row["status"] for row in rows if row["published"]]
        counts = json.loads(page(config, f"cells/{paper}.json"))
        assert counts.pop("printed") == len(printed) == sum(counts.values())
        assert all(printed.count(status) == count for status, count in counts.items())


def test_a_printed_method_that_nothing_measures(reporting, monkeypatch):
    name = "kligvasser2018/table1_denoising"
    spec = next(spec for spec in TABLES if spec.key == name)
    methods = tuple(missing("xDnCNN") if method.printed == "xDnCNN" else method for method in spec.methods)
    tables = [dataclasses.replace(spec, methods=methods) if other is spec else other for other in ALL_TABLES]
    monkeypatch.setattr(stage, "ALL_TABLES", tables)
    config = reporting("bench")
    evaluations = {key: entry for key, entry in config.params["evaluations"].items() if key != "bsd68-xdncnn"}
    config = dataclasses.replace(config, params=dict(config.params, evaluations=evaluations))
    stage.run(config)
    place = "BSD68", "average", "sigma=25", "xDnCNN", "psnr"
    cell = table_rows(config, name)[place]
    assert (cell["status"], cell["reproduced"], cell["delta"]) == ("not run", "", "")
    assert cell["note"] == "no implementation in this project yet: xDnCNN"
    # Measured under the printed name, it needs no other declaration.
    filters = config.params["filters"] | {"bsd68-xdncnn": {"dataset": "bsd68", "filter": "bm3d", "method": "xDnCNN"}}
    config = dataclasses.replace(config, params=dict(config.params, filters=filters))
    images = [f"test{number:03}" for number in range(1, 69)]
    write_results(config, "bsd68-xdncnn", [f"BSD68,{name},sigma=25,xDnCNN,psnr,dB,29.240000" for name in images])
    write_record(config, "filter", "bsd68-xdncnn")
    stage.run(config)
    assert table_rows(config, name)[place]["delta"] == "+0.0400"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Kodak,01,sigma=25,DnCNN,psnr,dB,much", "expected a finite number"),
        ("Kodak,01,sigma=25,DnCNN,psnr,bel,30.0", "metric 'psnr' in 'bel' is not known"),
        ("Kodak,average,sigma=25,DnCNN,psnr,dB,30.0", "results hold single images"),
        ("Kodak,01,sigma=25,CBM3D,psnr,dB,30.0", "expected values of Kodak and DnCNN"),
        ("Kodak,01,sigma=25,DnCNN,psnr,dB", "line 2: 6 fields; expected 7"),
    ],
)
def test_wrong_results_are_one_clear_line(reporting, row, message):
    config = reporting("bench")
    write_results(config, "kodak-dncnn", [row])
    with pytest.raises(UserError, match=message):
        stage.run(config)


def test_every_declared_method_is_printed_and_every_printed_one_declared():
    cells = published.load_cells(ROOT / "published")
    for spec in TABLES:
        place = (spec.paper, spec.table, spec.dataset)
        found = [cell for cell in cells if (cell.paper, cell.table, cell.dataset) == place]
        assert {cell.method for cell in found} == {method.printed for method in spec.methods}
        assert {cell.condition for cell in found} == {spec.condition(level) for level in spec.levels}
        assert all((method.measured is None) == bool(method.reason) for method in spec.methods)


def test_signed_never_writes_a_negative_zero():
    assert [signed(value, 2) for value in (-0.001, 0.0, -0.01, 0.5)] == ["+0.00", "+0.00", "-0.01", "+0.50"]
    assert [change(value, "params") for value in (-0.4, -1234.0, 1234.6)] == ["+0", "-1,234", "+1,235"]
    assert [change(value, "psnr") for value in (-0.00049, -0.0005, -0.0006)] == ["+0.000", "+0.000", "-0.001"]


@pytest.mark.parametrize(("value", "shown"), [(30.05352, "30.054"), (24.53646, "24.537"), (24.1315, "24.132")])
def test_a_value_is_rounded_once_from_what_the_csv_has_wherever_it_is_shown(value, shown):
    kept = fixed(value, DECIMALS["psnr"])
    assert number(value, "psnr") == number(float(kept), "psnr") == shown
    assert cells.rounded(cells.Cell("t", "i", "c", "m", "psnr", kept, "30.001")) == shown
    moved = value - 24.12  # from a printed value
    assert (
        Decimal(change(moved, "psnr"))
        == Decimal(change(float(signed(moved, 4)), "psnr"))
        == Decimal(shown) - Decimal("24.12")
    )


def test_another_model_behind_a_printed_method_is_one_line(reporting):
    config = reporting("bench")
    context = stage.load_context(config)
    spec = next(table for table in TABLES if table.key == "liu2020/table3_cbsd68")
    methods = tuple(Method("DnCNN", measured="DnCNN") if m.printed == "DnCNN" else m for m in spec.methods)
    found = compare(dataclasses.replace(spec, methods=methods), context).printed
    assert found["average", "sigma=25", "DnCNN", "psnr"].note == ""


def test_other_tasks_on_the_same_set_do_not_disturb_the_tables(reporting):
    config = reporting("bench")
    rows = fake_rows(config, "bsd68-dncnn_3")
    write_results(config, "bsd68-dncnn_3", [*rows, "BSD68,test001,quality=10,DnCNN-3,psnr,dB,29.000000"])
    stage.run(config)
    rows = table_rows(config, "zhang2017/table5_gaussian")
    assert rows["BSD68", "average", "sigma=15", "DnCNN-3", "psnr"]["status"] == "reproduced"
    assert not any("quality" in condition for _, _, condition, *_ in rows)
