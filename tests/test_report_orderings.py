"""Orderings of the high-level tasks: when they hold, how sure they are, and damaged outcomes and results."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.support.errors import UserError
from stages.report import node as stage
from stages.report import outcomes
from stages.report.outcomes import Outcomes
from tests.report_project import (
    make_project,
    overlaps,
    page,
    ranks,
    write_results,
)
from tests.report_tasks_project import (
    CLASSIFICATION,
    CROSS,
    JOINT,
    MSE,
    NOISY,
    SEGMENTATION,
    SEPARATE,
    cells,
    classify,
    join,
    section,
    write,
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """A function that makes a project with results of every node at one scale, the working directory being its root."""
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


def test_orderings_hold_are_undecided_or_reversed(project):
    """A statement that is false is said to be so; one below two standard errors decides nothing."""
    config = project("bench")
    for node, hits in ((NOISY, 20000), (SEPARATE, 20003), (JOINT, 20005), (CROSS, 19000), (MSE, 20004)):
        classify(config, node, {"sigma=15": hits})
    comparison, text = join(config, CLASSIFICATION)
    found = {ordered.ordering.claim: ordered for ordered in comparison.orderings if ordered.level == 15}
    assert [ordered.status for ordered in found.values()] == ["undecided", "undecided", "reversed", "undecided"]
    assert cells(text, r"\| 15 +\| Separate\+VGG +\| Joint Training \(Cross-Task\) ")[3:] == [
        "paper", "+1.50", "-2.01", "0.06", "-32.0", "50,000", "**reversed**"]  # fmt: skip
    assert "16 orderings: 0 hold, 3 undecided, 1 reversed, 12 not run." in text
    classify(config, JOINT, {"sigma=15": 20008})
    comparison = join(config, CLASSIFICATION)[0]
    ordered = next(found for found in comparison.orderings if found.ordering.higher == "Joint Training")
    # Five of 50,000 images change sides, all to the better: sqrt(5) errors.
    assert (ordered.status, round(ordered.ratio, 3)) == ("holds", 2.236)
    stage.run(config)
    line = cells(section(page(config, "overview.md"), "Orderings"), rf"\| {CLASSIFICATION} +\| Separate.*Cross")
    assert line[2:] == ["paper", "0", "0", "1", "3"]


def test_the_error_of_an_accuracy_is_that_of_paired_differences():
    lower, higher = Outcomes(np.array([1, 1, 0, 0], np.uint8)), Outcomes(np.array([1, 0, 1, 1], np.uint8))
    found = outcomes.difference(lower, higher)
    assert found.value == 25.0
    assert found.error == pytest.approx(100 * np.std([0, -1, 1, 1], ddof=1) / 2)
    shorter = outcomes.difference(lower, Outcomes(np.array([1, 0], np.uint8)))
    assert (shorter.value, shorter.images) == (-50.0, 2), "over the first images, which both have"


def test_the_error_of_an_overlap_is_paired_and_the_same_on_every_run():
    generator = np.random.default_rng(1)
    hard = generator.integers(-300, 300, (200, 1, 1))  # what makes an image hard for both methods

    def method(better: int) -> Outcomes:
        found = np.full((200, 4, 3), 1000, np.int64)
        found[..., :1] = 600 + hard + better + generator.integers(-20, 20, (200, 4, 1))
        found[..., 3, :] = 0  # a class that does not occur
        return Outcomes(found)

    lower, higher = method(0), method(20)
    found = outcomes.difference(lower, higher)
    outcomes._weights.cache_clear()  # another run draws the images anew
    assert found == outcomes.difference(Outcomes(lower.found.copy()), Outcomes(higher.found.copy()))
    alone = lower.resampled.std(ddof=1)
    assert 0 < found.error < alone / 3, "an unpaired error would be larger than that of one method"
    assert lower.accuracy == pytest.approx(lower.resampled.mean(), abs=alone)
    assert outcomes.difference(lower, lower).error == 0.0


def test_segmentation_is_compared_and_ordered(project):
    config = project("bench")
    for node, miou in ((NOISY, 40.0), (SEPARATE, 54.13), (JOINT, 57.88), (CROSS, 54.0), (MSE, 60.0)):
        write(config, "segmentation", node, {"sigma=30": overlaps(miou, 1449, 5)})
    comparison, text = join(config, SEGMENTATION)
    assert comparison.printed["average", "sigma=30", "Joint Training", "miou"].status == "reproduced"
    assert comparison.printed["average", "sigma=30", "VGG", "miou"].status == "off"
    found = [ordered.status for ordered in comparison.orderings if ordered.level == 30]
    assert found == ["holds", "holds", "reversed", "reversed"]
    assert re.search(r"57\.8\d \[56\.8\d, 58\.8\d\]", text)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "missing; run"),
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "damaged"),
        (lambda path: path.write_bytes(b"no archive"), "damaged"),
        (lambda path: np.savez(path, **{"sigma=30": np.zeros(3, np.uint16)}), "damaged .*sigma=15"),
        (lambda path: np.savez(path, **{"sigma=15": np.array([{}], dtype=object)}), "damaged .*[Pp]ickle"),
        (lambda path: np.savez(path, **{"sigma=15": np.zeros(3)}), "damaged .an array of float64"),
        (lambda path: np.savez(path, **{"sigma=15": ranks(7, 50, 9)}), "14.0000 % over 50 images, the results say 40"),
    ],
)
def test_damaged_outcomes_are_one_clear_line(project, spoil, message):
    config = project("bench")
    for node in (NOISY, SEPARATE):
        classify(config, node, {"sigma=15": 20000})
    spoil(paths.outcomes("bench", "classification-separate"))
    with pytest.raises(UserError, match=message) as caught:
        join(config, CLASSIFICATION)
    assert "outcomes/classification-separate.npz: " in str(caught.value) and "\n" not in str(caught.value)


def test_overlaps_that_cannot_be_are_refused(tmp_path):
    found = overlaps(50.0, 4)
    found[0, 0, 0] = 1001
    np.savez(tmp_path / "x.npz", **{"sigma=15": found})
    with pytest.raises(UserError, match="an intersection is larger than what it is part of"):
        outcomes.read(tmp_path / "x.npz", "sigma=15", "miou")


HEAD = "ILSVRC2012,average,sigma=15,Separate+VGG"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([f"{HEAD},top1,%,much"], "line 2: value is 'much'; expected a finite number"),
        ([f"{HEAD},top1,dB,50"], "line 2: metric 'top1' in 'dB' is not known"),
        (["demo:" + HEAD + ",top1,%,50"], "line 2: dataset is 'demo:ILSVRC2012'; expected 'ILSVRC2012'"),
        ([HEAD.replace("average", "01") + ",top1,%,50"], "line 2: item is '01'; expected 'average'"),
        ([f"{HEAD},images,count,9", f"{HEAD},images,count,9"], "line 3: sigma=15/images occurs twice"),
        ([f"{HEAD},top1,%,50", f"{HEAD},images,count,9"], r"sigma=15: top1 is 50 in the interval \[None, None\]"),
        ([f"{HEAD},psnr,dB,30"], "images is 0; expected how many were measured"),
    ],
)
def test_wrong_results_are_one_clear_line(project, rows, message):
    config = project("bench")
    write_results(config, "classification-separate", rows)
    with pytest.raises(UserError, match=message):
        stage.load_context(config)
