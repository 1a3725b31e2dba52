"""The page of figures: copies byte for byte, captions, and what is refused."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.support.errors import UserError
from stages.report import figures, gallery
from stages.report import node as stage
from stages.report.tables import DESIGN_TABLES
from tests.conftest import ROOT
from tests.report_project import (
    NO_IMAGES,
    make_project,
    page,
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """A function that makes a project with results of every node at one scale, the working directory being its root."""
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


def test_figures_are_copied_and_listed_with_their_captions(project):
    config = project("demo")
    stage.run(config)
    text = page(config, "figures.md")
    for name in gallery.MADE:
        made, copied = paths.figures("demo") / name, paths.reports("demo") / "figures" / name
        assert made.read_bytes() == copied.read_bytes()
        assert f"## Title of {name}\n" in text and f"](figures/{name})\n\nCaption of {name}." in text
    assert f"## Title of {gallery.MADE[-1]}\n\nnot run: {NO_IMAGES}\n" in text
    assert text.count("not run:") == 1 and "trained for seconds" in text
    targets = re.findall(r"\]\((?!http)([^)#]+)", text)
    assert [target for target in targets if not (paths.reports("demo") / target).exists()] == []
    assert "figures/learning_curves.svg" in targets


def test_wrong_figures_are_one_clear_line(project):
    config = project("demo")
    (paths.figures("demo") / gallery.MADE[1]).write_bytes(b"GIF89a")
    with pytest.raises(UserError, match=r"figure4_zoom.png: not a PNG file"):
        gallery.pictures(config, {gallery.ILLUSTRATE: {}})
    (paths.figures("demo") / gallery.MADE[0]).unlink()
    with pytest.raises(UserError, match=r"figure3_gradients.png: this figure is missing"):
        gallery.pictures(config, {gallery.ILLUSTRATE: {}})
    captions = paths.figures("demo") / gallery.CAPTIONS
    for value in ({}, [], {gallery.MADE[0]: {"title": 3}}, {gallery.MADE[0]: "text"}, {gallery.MADE[0]: {"title": ""}}):
        captions.write_text(json.dumps(value), encoding="utf-8")
        with pytest.raises(UserError, match=r"captions.json: figure3_gradients.png is .*expected a title"):
            gallery.document(config, {gallery.ILLUSTRATE: {}})


def crowded_rows() -> list[dict[str, str]]:
    """Rows of the table of designs, measured as printed: all close together but the last one."""
    rows = []
    *close, last = (design.item for design in DESIGN_TABLES[0].designs)
    values = {item: (1_000_000 + 100_000 * (number % 3), 30 + number // 3 / 10) for number, item in enumerate(close)}
    for item, (count, psnr) in {**values, last: (4_000_000, 31.0)}.items():
        row = {"dataset": "Kodak", "item": item}
        rows.append({**row, "metric": "params", "published": str(count), "reproduced": str(count)})
        rows.append({**row, "metric": "psnr", "published": f"{psnr:.2f}", "reproduced": f"{psnr:.4f}"})
    return rows


def test_labels_of_designs_meet_neither_each_other_nor_points(monkeypatch):
    monkeypatch.chdir(ROOT)
    figure = figures.parameters_psnr(load_config("bench"), crowded_rows())
    figure.draw_without_rendering()
    axis = figure.axes[0]
    boxes = [text.get_window_extent() for text in axis.texts]
    points = [line.get_window_extent() for line in axis.lines if line.get_marker() == "o"]
    assert len(boxes) == len(DESIGN_TABLES[0].designs)
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in [*boxes[:place], *points])


def test_a_font_that_is_wider_does_not_put_ticks_over_the_title_of_an_axis(monkeypatch):
    monkeypatch.chdir(ROOT)
    curve = [{"family": "dncnn_color", "model": "sigma25", "step": str(step)} for step in (100, 200)]
    values = ({"training_psnr": "", "validation_psnr": value} for value in ("28.4321", "28.4323"))
    curves = [{**row, **value} for row, value in zip(curve, values, strict=True)]
    config = load_config("bench")
    for figure in (figures.learning_curves(config, curves), figures.parameters_psnr(config, crowded_rows())):
        figure.draw_without_rendering()
        axis = figure.axes[0]
        title = figure._supylabel or axis.yaxis.label
        for tick in axis.yaxis.get_ticklabels():
            box = tick.get_window_extent()
            assert box.x1 - 1.2 * box.width > title.get_window_extent().x1
