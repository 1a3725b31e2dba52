"""The cost of the cascades: what is measured, and what the estimate counts."""

from pathlib import Path

import pytest

from redenoise.commands.benchmark import cascades
from redenoise.support.errors import UserError

SIZES = {
    "classification": {"task": {"classes": 4, "blocks": [1, 1, 1], "width": 4, "head": 8, "pooled": 1}},
    "segmentation": {"task": {"classes": 5, "blocks": [1, 1, 1], "width": 4, "head": 8, "dilation": 2}},
}
FOUND = {
    task: {
        "training": {"images_per_second": 2 * rate, "memory": 2e9},
        "recognition": {"images_per_second": rate, "memory": 1e9},
    }
    for task, rate in (("classification", 50.0), ("segmentation", 5.0))
}


@pytest.mark.parametrize("part", ["training", "recognition"])
@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_a_part_is_measured_with_the_networks_of_params(project: Path, task: str, part: str):
    sizes = {"network": {"divisor": 16}, "patch": 30, "batch": 2, "image": (33, 40), **SIZES[task]}
    found = cascades.measure(task, part, 0.01, sizes)
    assert found["images_per_second"] > 0 and found["memory"] > 1e7


def test_the_estimate_counts_noise_levels_steps_and_images(project: Path):
    found = cascades.hours(FOUND)
    assert found["classification, training"] == pytest.approx(4 * 180_000 * 10 / 100 / 3600)
    assert found["segmentation, training"] == pytest.approx(4 * 60_000 * 6 / 10 / 3600)
    assert found["classification, recognition"] == pytest.approx(4 * 3 * 50_000 / 50 / 3600)
    assert found["segmentation, recognition"] == pytest.approx(4 * 3 * 1449 / 5 / 3600)


def test_the_page_says_what_was_measured_and_on_what(project: Path):
    machine = {"kind": "cpu", "device": "A processor", "cores": 2, "torch": "2.11"}
    record = {"machine": machine, "commit": "abc", "mode": "fast, fp32", "found": FOUND, "hours": cascades.hours(FOUND)}
    page = cascades.render(record)
    assert "# Cost of the cascades on A processor" in page and "the whole process" in page
    assert "one network in mode `fast, fp32`" in page
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()]
    assert ["classification", "training", "100", "2.00"] in rows and ["classification, training", "20"] in rows
    assert ["all", f"{sum(record['hours'].values()):.3g}"] in rows


def test_a_wrong_time_is_one_clear_line():
    with pytest.raises(UserError, match="--seconds: found 0, expected a number above 0; correct it"):
        cascades.main(["--seconds", "0"])
