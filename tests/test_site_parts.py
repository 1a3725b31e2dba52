"""The parts that the site's pages are made of: prose, grids, charts, curves, the pipeline, crops, the album."""

import csv
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from redenoise.commands.site import charts, curves, grids, pages, photos, pipeline, prose, quality
from redenoise.dag import paths
from redenoise.dag.config import load
from redenoise.measure import metrics
from redenoise.support.errors import UserError
from stages.report.tables import ALL_TABLES
from tests.conftest import ROOT
from tests.site_project import LEVELS, make_reports


def test_grids_keep_the_average_below_and_name_the_best(committed: Path):
    book = pages.load(load("bench"))
    spec = next(spec for spec in ALL_TABLES if spec.key == "liu2020/table2_kodak")
    grid = grids.lay_out(spec, book.tables[spec.key])[0]
    assert grid.heading == "σ = 25, PSNR in dB" and len(grid.lines) == 24
    assert [head for head, _ in grid.foot] == [("average",)]
    assert grid.groups[:2] == (("CBM3D", ("printed", "reproduced", "Δ")), ("MCWNNM", ("printed",)))
    views = dict(zip([name for _, names in grid.groups for name in names], grid.lines[0][1], strict=False))
    assert views["printed"].text != ""
    found = [
        cell for cell in book.tables[spec.key] if (cell.item, cell.condition, cell.metric) == ("01", "sigma=25", "psnr")
    ]
    printed = max((cell.published for cell in found if cell.published), key=float)
    measured = max((cell for cell in found if cell.reproduced), key=lambda cell: cell.value).shown
    assert {view.text for view in grid.lines[0][1] if view.best} == {printed, measured}


def test_pipeline_has_the_edges_of_the_picture_in_the_readme(committed: Path):
    nodes = pipeline.load(load("demo"))
    readme = (ROOT / "workflow/README.md").read_text(encoding="utf-8")
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", readme))
    shown = {(names[start], names[end]) for start, end in re.findall(r"(id\d+) --> (id\d+)", readme)}
    # The report reads the provenance of every node, which is no edge of the site's picture.
    shown = {(start, end) for start, end in shown if end not in ("all", "report")}
    found = {(other.stage, node.stage) for node in nodes.values() for other in node.reads if node.stage != "report"}
    assert found == shown
    reduced = {(other, stage) for stage, read in pipeline.stage_edges(nodes).items() for other in read}
    assert ("download", "train") not in reduced and ("leakage", "train") in reduced


@pytest.mark.parametrize("text", ["", "stages: {a: {}}", "stages: {a: {foreach: x, do: {}}}", "stages: []"])
def test_a_damaged_file_of_dvc_is_refused(committed: Path, text: str):
    Path("dvc.yaml").write_text(text)
    with pytest.raises(UserError, match="dvc.yaml: (found no mapping `stages`|stages.a cannot be read)"):
        pipeline.load(load("bench"))


@pytest.mark.parametrize("shape", [(40, 64), (37, 51), (33, 47, 3)])
def test_tiles_add_up_to_the_metrics_of_the_tables(shape: tuple[int, ...]):
    random = np.random.default_rng(3)
    clean, image = (random.integers(0, 256, shape).astype(np.uint8) for _ in range(2))
    reference = quality.Reference(clean, 16)
    errors, similarities = reference.squared_errors(image), reference.similarities(image)
    assert errors.shape == (-(-shape[0] // 16), -(-shape[1] // 16)) == similarities.shape
    assert quality.psnr(errors, clean.size) == pytest.approx(metrics.psnr(image, clean), abs=1e-9)
    windows = (shape[0] - 10) * (shape[1] - 10)
    assert similarities.sum() / windows == pytest.approx(metrics.ssim(image, clean), abs=1e-9)
    cut = (slice(0, 16), slice(16, 32))
    assert quality.psnr(errors[0, 1], clean[cut].size) == pytest.approx(metrics.psnr(image[cut], clean[cut]))


def test_album_holds_every_method_and_checks_each_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = make_reports(tmp_path, "bench")
    whole = photos.album(config)
    assert [(photo["item"], photo["levels"]) for photo in whole.photos] == [
        (item, {level: ["CBM3D", "DnCNN"] for level in LEVELS}) for item in ("01", "02")
    ]
    # Other methods have results of hand-made numbers and no images.
    assert any("FFDNet: 0 images in" in line for line in whole.left_out)
    changed = paths.items("bench", "kodak-dncnn") / f"sigma25/01.{'a' * 20}.png"
    shutil.copy(paths.items("bench", "kodak-dncnn") / f"sigma50/01.{'a' * 20}.png", changed)
    found = photos.album(config)
    assert found.photos[0]["levels"]["25"] == ["CBM3D"]
    line = "Kodak 01, σ = 25, DnCNN: the image that was kept is not the one that was measured"
    assert line in found.left_out and line not in whole.left_out
    none = photos.album(config, budget=1000)
    assert not none.photos and not none.files
    assert "Kodak 01: the image files would exceed 0 MiB" in none.left_out


def test_prose_reads_tables_and_maps_links():
    page = prose.Section("x", "| a | b |\n|---|---|\n| `1 \\| 2` | **3** |\n\ntext\n\n| c |\n|---|\n| d |")
    assert page.tables == [[{"a": "1 | 2", "b": "3"}], [{"c": "d"}]]
    assert prose.href("../notes.md#a-b", "liu2018") == "notes.html#a-b"
    assert prose.href("overview.md") == "index.html"
    assert prose.href("liu2020/table2_kodak.md") == "liu2020-table2_kodak.html"
    assert prose.href("learning_curves.csv") == "data/learning_curves.csv"
    assert prose.href("https://doi.org/1") == "https://doi.org/1"
    html = prose.render("| name | n |\n|---|---|\n| a | +1.5 ✓ |\n| b | - |", "Things")
    assert 'aria-label="Things"' in html and '<th scope="col" class="number">n' in html
    assert '<th scope="col">name' in html


def test_a_row_of_two_tables_leads_to_both():
    two = {"table": [("a/b", "a-b.html"), ("c/d", "c-d.html")]}
    html = prose.render("| table | n |\n|---|---|\n| a/b, c/d | [x](y.md) |", "", linker=lambda row: two)
    assert '<a href="a-b.html">a/b</a>, <a href="c-d.html">c/d</a>' in html and '<a href="y.html">x</a>' in html


def test_labels_of_a_chart_cover_neither_points_nor_each_other():
    places = [(10, 1), (10, 1.02), (11, 1), (10.5, 2), (90, 2)]
    points = tuple(charts.Point(x, y, "", "128/256, no skip", "right") for x, y in places)
    axes = charts.axis("", [x for x, _ in places], log=True), charts.axis("", [y for _, y in places])
    drawn = charts.Chart("", "", *axes, (charts.Series("", 0, points, joined=False),)).svg()
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" class="(\w+) label">', drawn)
    assert 3 <= len(found) < 5, "the crowded points cannot all have theirs"
    boxes = [charts.covered(float(x), float(y), anchor, 16) for x, y, anchor in found]
    dots = [tuple(map(float, dot)) for dot in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    for box in boxes:
        assert box[0] > charts.LEFT and box[2] < charts.WIDTH
        assert not any(charts.overlap(box, other) for other in boxes if other is not box)
        assert not any(box[0] < x < box[2] and box[1] < y < box[3] for x, y in dots)


def test_ticks_are_round_and_inside():
    assert charts.Axis("", 24.1, 26.3).ticks == [24.5, 25.0, 25.5, 26.0]
    assert charts.Axis("", 90, 450, log=True).ticks == [100, 200]
    assert charts.Axis("", 90, 45000, log=True).ticks == [100, 1000, 10000]
    assert [charts.short(value) for value in (200, 1000, 2500000)] == ["200", "1k", "2.5M"]
    one = charts.axis("", [30.0])
    assert one.low < 30 < one.high


def test_learning_curves_are_drawn_by_validation_set_and_level(committed: Path):
    found = curves.panels(load("demo"), curves.load(Path("reports/demo")))
    titles = [panel.chart.title for panel in found]
    assert "stand-ins for Kodak, σ = 35" in titles and "Trained through classification" in titles
    panel = found[titles.index("stand-ins for Set12, σ = 55 of 0 to 55")]
    with Path("reports/demo/learning_curves.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["family"] == "dncnn_b" and row["validation_psnr"]]
    assert [(point.x, point.y) for point in panel.chart.series[0].points] == [
        (float(row["step"]), float(row["validation_psnr"])) for row in rows
    ]
    Path("reports/demo/learning_curves.csv").write_text("family,model,step\na,b,c\n")
    with pytest.raises(UserError, match="learning_curves.csv: not understood"):
        curves.load(Path("reports/demo"))
