"""The page of figures: copies byte for byte, captions, and what is refused."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.support.errors import UserError
from stages.report import gallery
from stages.report import node as stage
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
