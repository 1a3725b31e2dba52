"""Spreads over seeds in the report: the distance from print, what the pages show, and that no status depends on it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.dag import graph, paths
from redenoise.dag.config import Config
from redenoise.support.errors import UserError
from stages.report import details, outputs, spreads
from stages.report import node as stage
from stages.report.details import detail
from tests.report_project import make_project, page, table_rows, write_record, write_results

AVERAGE = ("BSD68", "average", "sigma=15", "DnCNN-S", "psnr")  # printed 31.73
TABLE = "zhang2017/table2_bsd68"


@pytest.fixture
def reporting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """A function that makes a project with results of every node at one scale, the working directory being its root."""
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


def write_spread(scale: str, std: float, images: int = 1, key: tuple = AVERAGE, weights: str = "abc") -> None:
    """A file with one average under two seeds, of mean 31.7; `std` follows from what its images do, each by itself."""
    dataset, _, condition, method, metric = key
    numbers = f"31.690000 31.710000,31.700000,0.014142,{std * images**0.5:.6f},{images}"
    line = f"{dataset},{condition},{method},{metric},noise,0 1,{numbers},{weights},0123"
    spreads.path(scale).parent.mkdir(parents=True, exist_ok=True)
    spreads.path(scale).write_text(f"{','.join(spreads.COLUMNS)}\n{line}\n", encoding="utf-8")


def add_trainings(scale: str, std: float) -> None:
    """What the file's average did over three trainings: `std` of the average, twice of a single image."""
    file = spreads.path(scale)
    head = ",".join(file.read_text().splitlines()[1].split(",")[:4])
    values = f"{31.7 - std:.6f} 31.700000 {31.7 + std:.6f},31.700000,{std:.6f},{2 * std:.6f},68"
    file.write_text(f"{file.read_text()}{head},training,0 1 2,{values},abc,0123\n", encoding="utf-8")


def measure_bsd68(shift: float) -> None:
    rows = [f"BSD68,test{number:03},sigma=15,DnCNN-S,psnr,dB,{31.73 + shift:.6f}" for number in range(1, 69)]
    path = paths.results("bench", "bsd68-dncnn_s")
    path.write_text("\n".join([path.read_text().splitlines()[0], *rows]) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("delta", "deviation", "reproduced", "expected"),
    [
        (0.005, None, True, details.ROUNDING),
        (-0.005, 0.0, True, details.ROUNDING),
        (0.0051, None, True, details.TOLERANCE),
        (0.0051, 0.0, True, details.TOLERANCE),
        (0.009, 0.002, True, details.SPREAD),
        (-0.0091, 0.002, True, details.TOLERANCE),
        (0.03, 0.0125, False, details.UNDECIDED),
        (0.03, 0.0124, False, details.OFF),
        (-0.03, None, False, details.OFF),
    ],
)
def test_rounding_decides_before_the_spread_and_the_spread_before_the_tolerance(delta, deviation, reproduced, expected):
    assert detail(delta, 0.005, deviation, reproduced) == expected


def lists(config: Config) -> list[str]:
    """What the overview says of verdicts: the counts by status and the cells that are farthest off."""
    overview = page(config, "overview.md")
    return [re.search(rf"## {start}.*?\n\n(?=[A-Z#])(?!Of)", overview, re.DOTALL)[0] for start in ("Cells", "Worst")]


@pytest.mark.parametrize(
    ("shift", "std", "status", "expected"),
    [
        (0.004, 0.0, "reproduced", details.ROUNDING),
        (0.012, 0.004, "reproduced", details.SPREAD),
        (0.012, 0.001, "reproduced", details.TOLERANCE),
        (0.03, 0.02, "off", details.UNDECIDED),
        (0.03, 0.001, "off", details.OFF),
    ],
)
def test_a_spread_changes_the_detail_and_never_the_status(reporting, shift, std, status, expected):
    config = reporting("bench")
    measure_bsd68(shift)
    stage.run(config)
    alone, before = table_rows(config, TABLE)[AVERAGE], lists(config)
    write_spread("bench", std)
    stage.run(config)
    row = table_rows(config, TABLE)[AVERAGE]
    assert alone["status"] == row["status"] == status
    assert (row["seeds"], row["mean"], row["spread"], row["detail"]) == ("2", "31.7000", f"{std:.6f}", expected)
    unknown = {"reproduced": details.ROUNDING if shift < 0.005 else details.TOLERANCE, "off": details.OFF}
    assert (alone["seeds"], alone["mean"], alone["spread"], alone["detail"]) == ("", "", "", unknown[status])
    assert lists(config) == before


def test_a_single_image_has_the_spread_of_one_and_no_mean(reporting):
    config = reporting("bench")
    write_spread("bench", 0.01, 25, ("Kodak", "average", "sigma=25", "CBM3D", "psnr"))
    stage.run(config)
    rows = table_rows(config, "liu2018/table1_kodak")
    image = rows["Kodak", "01", "sigma=25", "CBM3D", "psnr"]
    assert (image["mean"], image["spread"], image["detail"]) == ("", "0.050000", details.OFF)
    assert rows["Kodak", "average", "sigma=25", "CBM3D", "psnr"]["spread"] == "0.010000"
    assert rows["Kodak", "01", "sigma=35", "CBM3D", "psnr"]["spread"] == ""


def test_pages_show_mean_and_deviation_or_say_one_seed(reporting):
    config = reporting("bench")
    write_spread("bench", 0.0012)
    stage.run(config)
    overview = page(config, "overview.md")
    line = next(line for line in overview.splitlines() if re.match(rf"\| {TABLE} +\| DnCNN-S +\|.*\| +15 \|", line))
    assert [cell.strip() for cell in line.split("|")[-3:-1]] == ["31.7000 ± 0.0012 (2 seeds)", details.ROUNDING]
    other = next(line for line in overview.splitlines() if re.match(rf"\| {TABLE} +\| DnCNN-S +\|.*\| +25 \|", line))
    assert "| one seed " in other
    assert re.search(
        r"\| DnCNN-S +\| PSNR +\| +31\.7000 ± 0\.0012 \(2 seeds\) \| +one seed \|", page(config, f"{TABLE}.md")
    )
    assert r"31.7000 $\pm$ 0.0012 (2 seeds)" in page(config, f"{TABLE}.tex")
    assert "± one standard deviation" not in page(config, "liu2018/table1_kodak.md"), "nothing is known there"
    counted = re.search(rf"\| {TABLE} +\|((?: +\d+ \|){{5}})\n", overview)[1]
    details_of = [row["detail"] for row in table_rows(config, TABLE).values()]
    assert [int(one) for one in counted.split("|")[:-1]] == [details_of.count(name) for name in details.DETAILS]
    assert sum(map(bool, details_of)) > 3


def test_a_mean_over_other_weights_is_not_shown(reporting):
    config = reporting("bench")
    write_spread("bench", 0.0012, weights="a" * 16)
    folder = paths.weights("bench", "dncnn_s").as_posix()
    for digest, shown in (("a" * 64, "31.7000 ± 0.0012 (2 seeds)"), ("b" * 64, "± 0.0012 (2 seeds; other weights)")):
        write_record(config, "evaluate", "bsd68-dncnn_s", inputs={folder: digest})
        stage.run(config)
        assert f" {shown} |" in page(config, f"{TABLE}.md")
        assert table_rows(config, TABLE)[AVERAGE]["spread"] == "0.001200"


def test_stand_ins_have_spreads_of_their_own(reporting):
    config = reporting("demo")
    write_spread("demo", 0.0012, key=("demo:BSD68", *AVERAGE[1:]))
    stage.run(config)
    assert re.search(
        r"\| demo:BSD68 +\| DnCNN-S +\| +15 \| .*31\.7000 ± 0\.0012 \(2 seeds\)", page(config, "overview.md")
    )
    row = table_rows(config, TABLE)["demo:BSD68", *AVERAGE[1:]]
    assert (row["spread"], row["detail"]) == ("0.001200", ""), "nothing is compared"
    design = ("demo:Kodak", "average", "sigma=35", "Proposed s2_skip_e128_d128", "psnr")
    write_spread("demo", 0.0021, key=design)
    stage.run(config)
    rows = table_rows(config, "liu2020/table1_architecture")
    assert rows["demo:Kodak", "s2_skip_e128_d128", "sigma=35", "Proposed", "psnr"]["spread"] == "0.002100"
    assert rows["", "s2_skip_e128_d128", "", "Proposed", "params"]["detail"] == "", "counted"
    assert "31.7000 ± 0.0021 (2 seeds)" in page(config, "liu2020/table1_architecture.md")


def test_a_damaged_file_stops_the_report_before_it_writes(reporting):
    config = reporting("bench")
    stage.run(config)
    before = {path: path.read_bytes() for path in outputs("bench")}
    write_spread("bench", 0.1)
    file = spreads.path("bench")
    file.write_text(file.read_text().replace("31.700000", "31.800000"))
    write_results(config, "kodak-dncnn", [])
    with pytest.raises(UserError, match=r"reports/spread/bench\.csv: line 2: mean is 31\.800000"):
        stage.run(config)
    assert {path: path.read_bytes() for path in outputs("bench")} == before


def test_the_files_are_an_input_of_the_report(reporting):
    config = reporting("bench")
    file = spreads.path("bench").as_posix()
    assert file not in graph.node(config, "report").inputs
    write_spread("bench", 0.1)
    assert file in graph.node(config, "report").inputs


def test_the_worst_deviations_say_where_the_spread_leaves_them_undecided(reporting):
    config = reporting("bench")
    measure_bsd68(3.0)
    for std, told in ((1.0, False), (2.0, True)):
        write_spread("bench", std)
        stage.run(config)
        line = next(line for line in lists(config)[1].splitlines() if "average, DnCNN-S, σ 15, PSNR" in line)
        assert line.rstrip("| ").endswith("within the spread") == told


def test_trainings_are_added_in_squares_and_told_apart(reporting):
    config = reporting("bench")
    measure_bsd68(0.024)
    write_spread("bench", 0.006)
    add_trainings("bench", 0.008)  # 0.01 together, and 0.019 are beyond rounding
    stage.run(config)
    rows = table_rows(config, TABLE)
    told = ("seeds", "spread", "trainings", "training_spread", "detail")
    assert [rows[AVERAGE][name] for name in told] == ["2", "0.006000", "3", "0.008000", details.SPREAD]
    assert [rows["BSD68", "test001", *AVERAGE[2:]][name] for name in told[1:4]] == ["0.006000", "3", "0.016000"]
    assert "31.7000 ± 0.0100 (2 seeds, 3 trainings)" in page(config, f"{TABLE}.md")
