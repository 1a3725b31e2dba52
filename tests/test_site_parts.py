"""The parts that the site's pages are made of: texts, grids, charts, the pipeline, crops, the album."""

import dataclasses
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from redenoise.commands.site import charts, grids, photos, pipeline, quality
from redenoise.commands.site.texts import Writer
from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.document.model import Cell, Column, Document, Section, Table, Value
from redenoise.measure import metrics
from redenoise.support.errors import UserError
from stages.report import drawing, figures
from tests.site_project import LEVELS, make_reports

VALUES = tuple(
    Value(
        *("p/t", "Kodak", item, "sigma=25", method, "psnr", "dB", "image", status),
        printed=printed,
        reproduced=reproduced,
        delta=delta,
    )
    for item, method, status, printed, reproduced, delta in (
        ("01", "CBM3D", "off", "29.13", 29.3, 0.17),
        ("01", "MCWNNM", "not run", "28.66", None, None),
        ("average", "CBM3D", "reproduced", "30.00", 30.0, 0.0),
        ("01", "DnCNN", "unprinted", "", 30.5, None),
    )
)


def test_a_grid_has_one_button_for_a_value_and_keeps_averages_below():
    columns = (Column("image"), *(Column(name, "CBM3D", number=True) for name in ("printed", "reproduced", "Δ")))
    columns += (Column("reproduced", "MCWNNM", number=True),)

    def line(item: str, value: int) -> tuple[Cell, ...]:
        shows = ("printed", "reproduced", "delta")
        return Cell(item), *(Cell(show, value=value, shows=show) for show in shows), Cell(value=1, shows="reproduced")

    grid = grids.lay_out(Table(columns, (line("01", 0), line("average", 2))), VALUES)
    assert [label for label, _ in grid.groups] == ["", "CBM3D", "MCWNNM"] and grid.grouped and grid.valued
    (views,), (foot,) = grid.lines, grid.foot
    assert [view.opens for view in views] == [False, False, True, False, True] and foot[0].text == "average"
    assert [view.look for view in views] == ["", "number", "number off", "number off", "number not-run"]
    assert [view.sort for view in views] == ["", "29.13", "29.3", "0.17", ""] and views[4].text == "not run"


def test_values_that_a_page_does_not_show_have_a_table_of_their_own():
    shown = Table((Column("a"),), ((Cell("x", value=0),), (Cell("y", value=2),)))
    page = Document("p/t", "Title", (Section("", (shown,)),), VALUES)
    [(heading, table)] = grids.unshown(page)
    assert heading == "Kodak, σ = 25, PSNR in dB"
    assert table.records() == [{"item": "01", "MCWNNM": "28.66", "DnCNN": "30.500"}]


def test_a_suspected_misprint_that_a_page_does_not_show_is_marked_where_it_stands():
    note = "not run for a reason; suspected misprint (weak): same as image 02"
    suspect = dataclasses.replace(VALUES[1], misprint="weak", note=note)
    [(_, table)] = grids.unshown(Document("p/t", "Title", (), (suspect, VALUES[3])))
    assert [[cell.note for cell in row] for row in table.rows] == [[0, 1, 0]]
    assert table.footnotes == ("suspected misprint (weak): same as image 02",)


@pytest.mark.parametrize("gray", [True, False])
def test_the_crop_that_is_shown_first_is_the_one_with_most_in_it_and_not_a_plain_one_or_an_edge(gray):
    image = np.zeros((96, 160), np.uint8)
    image[:, 80:] = 255  # an edge between two plain halves, on the border of tiles
    image[40:56, 104:120] = np.random.default_rng(1).integers(0, 256, (16, 16))
    column, row, side = quality.liveliest(image if gray else np.stack([image] * 3, axis=2), 8)
    assert side == 4
    assert column <= 13 and column + side >= 15 and row <= 5 and row + side >= 7
    assert quality.liveliest(np.full((24, 24), 9, np.uint8), 8) == (0, 0, 2)


def test_pipeline_knows_what_reads_what_and_the_picture_leaves_out_what_is_read_through_others():
    nodes = pipeline.load(load_config("demo"))
    order = list(nodes)
    assert all(order.index(other.name) < order.index(name) for name, node in nodes.items() for other in node.reads)
    read = {other.name for other in nodes["evaluate-kodak-dncnn"].reads}
    assert read == {"synthesize-kodak", "download-kodak", "train-dncnn_color", "leakage-kodak-cbsd432"}
    assert {other.stage for other in nodes["report"].reads} >= {"evaluate", "filter", "recognize", "illustrate"}
    assert "train" not in {other.stage for other in nodes["report"].reads}, "records are no edges"
    reduced = {(other, stage) for stage, read in pipeline.stage_edges(nodes).items() for other in read}
    assert ("download", "train") not in reduced and ("leakage", "train") in reduced


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


def test_links_of_the_report_lead_to_pages_and_files_of_the_site_alone():
    names, files = ("overview", "notes", "liu2020/table2_kodak"), ("data/learning_curves.csv", "figures/a.png")
    write = Writer(names, files, {"train-x": "node-train-x.html"}, "liu2020")
    assert write.href("../notes.md#a-b") == "notes.html#a-b"
    assert write.href("../overview.md") == "index.html"
    assert write.href("table2_kodak.md") == "liu2020-table2_kodak.html"
    assert write.href("../learning_curves.csv") == "data/learning_curves.csv"
    assert write.href("https://doi.org/1") == "https://doi.org/1"
    for target in (
        "https://doi.org.example.org/",
        "learning_curves.csv",
        "javascript:x",
        "../secret.md",
        "/etc/passwd",
    ):
        assert write.href(target) == "", target
    assert write.inline("`<a>` **b** [notes.md](../notes.md) & [c](d)") == (
        '<code>&lt;a&gt;</code> <strong>b</strong> <a href="notes.html">notes</a> &amp; c'
    )
    assert write.picture("../figures/a.png") == "figures/a.png" and write.picture("https://x/a.png") == ""


def test_a_cell_leads_to_its_node_or_to_the_tables_that_it_names():
    write = Writer(("a/b", "c/d"), (), {"train-x": "node-train-x.html"})
    assert write.cell(Cell("a/b, c/d")) == '<a href="a-b.html">a/b</a>, <a href="c-d.html">c/d</a>'
    assert write.cell(Cell("`x`", node="train-x")) == '<a href="node-train-x.html">x</a>'
    assert write.cell(Cell("x, <", node="train-y")) == "x, &lt;"


@pytest.mark.parametrize("name", ["learning_curves", "parameters_psnr"])
def test_a_chart_is_the_report_s_drawing_and_its_points_are_where_it_has_them(committed: Path, name: str):
    found = charts.chart(load_config("demo"), name, 'What "it" shows')
    drawn = drawing.svg(figures.drawn(load_config("demo"), name))
    assert set(re.findall(r">([^<>\n]+)</text>", drawn)) == set(re.findall(r">([^<>\n]+)</text>", found.svg))
    circles = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4" data-tip="([^":]*)', found.svg)
    count = Counter(what for *_, what in circles)  # lines of many points have no marks
    dots = [(float(x), float(y)) for x, y, what in circles if count[what] < 10]
    marks = [(float(x), float(y)) for x, y in re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', found.svg)]
    assert len(dots) > 5
    assert all(any(abs(x - left) < 0.2 and abs(y - top) < 0.2 for left, top in marks) for x, y in dots)
    ids = re.findall(r'\bid="([^"]*)"', found.svg)
    assert len(ids) == len(set(ids)) and all(mark.startswith(f"{name}-") for mark in ids)
    assert set(re.findall(r'href="#([^"]*)"', found.svg)) <= set(ids)
    assert ("dncnn_b" in found.series) == (name == "learning_curves")


def test_a_chart_of_damaged_data_is_refused(committed: Path):
    Path("reports/demo/learning_curves.csv").write_text("family,model,step\na,b,c\n")
    with pytest.raises(UserError, match=r"learning_curves.csv: header is family,model,step"):
        charts.chart(load_config("demo"), "learning_curves", "")
    header = "family,model,step,learning_rate,training_psnr,validation_psnr"
    Path("reports/demo/learning_curves.csv").write_text(f"{header}\na,b,c,,1,1\n")
    with pytest.raises(UserError, match=r"learning_curves.csv: 'c' is no number"):
        charts.chart(load_config("demo"), "learning_curves", "")
