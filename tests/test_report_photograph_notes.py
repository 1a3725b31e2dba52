"""The section of the notes on photographs: what it says of measured orderings and losses, and when it is not there."""

from pathlib import Path

import pytest

from redenoise.dag.config import Config
from redenoise.document import markdown
from redenoise.document.model import Document
from stages.report import node as stage
from stages.report import photograph_notes
from tests.report_project import make_project, overlaps, ranks, write_recognition
from tests.report_tasks_project import cells

IMAGES = 1300
TASK = "classify_photographs"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    return make_project(tmp_path, "bench")


def notes(config: Config) -> str:
    found = photograph_notes.sections(stage.load_context(config))
    return markdown.render(Document("notes", "Notes", found)) if found else ""


def classify(config: Config, name: str, hits: dict[int, int], stage_name: str = "recognize") -> None:
    values = {f"sigma={level}": ranks(count, IMAGES, IMAGES) for level, count in hits.items()}
    write_recognition(config, stage_name, f"{TASK}-{name}", values)


def test_there_is_no_section_where_nothing_was_measured_and_none_at_the_demo_scale(config, tmp_path):
    assert notes(config) == ""
    write_recognition(config, "recognize_filtered", f"{TASK}-clean", {"clean": ranks(1000, IMAGES, IMAGES)})
    assert notes(config) == ""  # no two methods to compare
    demo = make_project(tmp_path, "demo")
    context = stage.load_context(demo)
    assert {"CamVid", "1,300 of ImageNet"} <= {title for title, *_ in context.recognized.scores}
    assert photograph_notes.sections(context) == ()


def test_the_gain_over_the_control_and_every_ordering_are_said(config):
    classify(config, "noisy", {45: 200, 60: 100}, "recognize_filtered")
    classify(config, "separate", {45: 500, 60: 300})
    classify(config, "mse", {45: 600, 60: 400})
    classify(config, "joint", {45: 613, 60: 387})
    text = notes(config)
    assert "[1,300 of ImageNet](photographs_classification.md): 16 orderings: 5 hold, 0 undecided, 1 reversed" in text
    assert "gains -1.00 to +1.00 points of top-1, more than two standard errors at σ = 45." in text
    line = r"\| 1,300 of ImageNet +\| MSE on task images\+Network < Joint Training "
    assert cells(text, line)[2:] == ["control", "-", "-", "+1.00 ± 0.28, holds", "-1.00 ± 0.28, reversed"]
    assert "Joint Training (Cross-Task)" not in text and "CamVid" not in text


def test_one_level_that_is_not_sure(config):
    classify(config, "mse", {30: 600})
    classify(config, "joint", {30: 601})
    assert "gains +0.08 points of top-1, nowhere more than two standard errors." in notes(config)
    assert "What the weights of the loss do" not in notes(config)  # at another level


def test_each_training_is_compared_with_the_control_of_its_set(config):
    classify(config, "mse", {45: 650})
    classify(config, "joint", {45: 715})
    classify(config, "cross", {45: 637})
    classify(config, "noisy", {45: 100}, "recognize_filtered")
    text = notes(config)
    start = r"\| 1,300 of ImageNet +\| "
    assert cells(text, start + r"MSE on task images\+Network +\|")[-5:] == ["top-1", "50.0", "-", "28.500", "-"]
    assert cells(text, start + r"Joint Training +\|")[-5:] == ["top-1", "55.0", "+5.0", "28.500", "+0.000"]
    assert cells(text, start + r"Joint Training \(Cross-Task\) +\|")[-4:] == ["49.0", "-1.0", "28.500", "+0.000"]
    assert cells(text, start + r"Joint Training +\|")[2:6] == ["classify_photographs", "48.1185", "0.5", "0.25"]


def test_segmentation_has_its_own_measure(config):
    for name, miou in (("separate", 40), ("joint", 55)):
        write_recognition(config, "recognize", f"segment_photographs-{name}", {"sigma=45": overlaps(miou, 20)})
    text = notes(config)
    assert "[CamVid](photographs_segmentation.md): 16 orderings: 1 hold" in text and "Over the control" not in text
    assert cells(text, r"\| CamVid +\| Joint Training +\| segment_photographs ")[-5] == "mIoU"
