"""Exact, empty and restricted values, in tables, on pages and in data."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from redenoise.commands.site import photos
from redenoise.commands.site.details import _row
from redenoise.dag import paths
from redenoise.data.images import write_png
from redenoise.document import store
from redenoise.document.model import Document, Value
from redenoise.support.errors import UserError
from redenoise.support.numbers import fixed, shortened
from stages.report import node as report
from stages.report import results
from tests.report_project import make_project


def test_exact_values_are_left_out_of_averages_and_block_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = make_project(tmp_path, "bench")
    path = paths.results("bench", "set12-bm3d")
    lines = list(csv.DictReader(path.read_text().splitlines()))
    first = next(row for row in lines if (row["metric"], row["condition"]) == ("psnr", "sigma=25"))
    others = [row for row in lines if all(row[name] == first[name] for name in ("metric", "condition"))][1:]
    line, exact = (",".join(row.values()) for row in (first, {**first, "value": "exact"}))
    path.write_text(path.read_text().replace(line, exact))
    report.run(config)
    table = {
        (row["item"], row["condition"], row["method"], row["metric"]): row
        for row in csv.DictReader(Path("reports/bench/zhang2017/table3_set12.csv").read_text().splitlines())
    }
    assert table[first["item"], "sigma=25", "BM3D", "psnr"]["reproduced"] == "exact"
    average = table["average", "sigma=25", "BM3D", "psnr"]
    mean = sum(float(row["value"]) for row in others) / len(others)
    assert float(average["reproduced"]) == pytest.approx(mean, abs=1e-4)
    assert "1 of 12 images are exact and left out" in average["note"]
    page = Path("reports/bench/zhang2017/table3_set12.md").read_text()
    assert "| exact" in page or " exact " in page
    assert "1 of 12 images are exact and left out" in page
    for file in Path("reports/bench").rglob("*.json"):
        json.loads(file.read_text(), parse_constant=pytest.fail)


def test_infinity_is_exact_in_data_and_on_the_site():
    value = Value("t", "d", "i", "sigma=5", "m", "psnr", "dB", "image", "off", reproduced=float("inf"))
    page = Document("t", "T", (), (value,))
    text = store.render(page)
    assert '"exact"' in text and "Infinity" not in text
    assert store.parse(text, "x") == page
    assert _row(value, {}, {}, {})["reproduced"] == "exact"
    assert fixed(float("inf"), 3) == "exact" and shortened("1234.50", 1, ",") == "1,234.5"
    with pytest.raises(ValueError):
        fixed(float("nan"), 2)


def test_an_empty_cell_keeps_its_reason_in_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = make_project(tmp_path, "bench")
    path = paths.results("bench", "set12-bm3d")
    rows = list(csv.DictReader(path.read_text().splitlines()))
    first = next(row for row in rows if (row["metric"], row["condition"]) == ("psnr", "sigma=25"))
    lines = [[*row.values(), ""] if row is not first else [*row.values()][:-1] + ["", "too small"] for row in rows]
    path.write_text("\n".join(",".join(line) for line in ([*rows[0], "note"], *lines)) + "\n")
    report.run(config)
    table = list(csv.DictReader(Path("reports/bench/zhang2017/table3_set12.csv").read_text().splitlines()))
    place = ("sigma=25", "BM3D", "psnr")
    cells = {row["item"]: row for row in table if (row["condition"], row["method"], row["metric"]) == place}
    assert (cells[first["item"]]["status"], cells[first["item"]]["note"]) == ("not run", "too small")
    assert cells["average"]["note"].startswith(f"{first['item']}: too small")


def test_the_mark_reaches_table_and_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = make_project(tmp_path, "bench")
    path, mark = paths.results("bench", "set12-dncnn_b"), "sigma 25 is outside of what the network was trained for (0)"
    header, *lines = path.read_text().splitlines()
    marked = [f"{line},{mark if 'sigma=25' in line else ''}" for line in lines]
    path.write_text("\n".join([f"{header},note", *marked]) + "\n")
    report.run(config)
    table = list(csv.DictReader(Path("reports/bench/zhang2017/table3_set12.csv").read_text().splitlines()))
    notes = {(row["condition"], mark in row["note"]) for row in table if row["method"] == "DnCNN-B"}
    assert notes == {("sigma=15", False), ("sigma=25", True), ("sigma=50", False)}
    assert mark in Path("reports/bench/zhang2017/table3_set12.md").read_text()


@pytest.mark.parametrize(("value", "note"), [("nan", ""), ("inf", ""), ("-inf", ""), ("", ""), ("exact", "")])
def test_results_hold_numbers_or_say_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, note: str):
    row = {"unit": "", "metric": "ssim", "value": value, "note": note}
    with pytest.raises(UserError, match="^here: value is .*; expected a finite number"):
        results.check_value(row, "here", {"ssim": ("",)})


def test_an_image_below_the_window_of_ssim_is_left_out_of_the_image_browser(tmp_path: Path):
    path = tmp_path / "a.png"
    write_png(path, np.zeros((9, 30), np.uint8))
    photo = photos.Photo("set12", "Set12", "01", path, {"25": tmp_path / "a.npy"}, "images/set12-1", True)
    files, described, gaps = photos._level((photo, "25", []))
    assert not files and not described["methods"]
    assert gaps == ["Set12 01, σ = 25: smaller than the window of SSIM"]
