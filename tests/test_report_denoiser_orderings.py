"""Orderings among denoisers: paired over the images of a set, against plain statistics."""

from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev

import pytest

from redenoise.dag.config import Config
from stages.report import node as stage
from stages.report.tables import ALL_TABLES
from tests.report_project import make_project, page, write_results

TABLE = "liu2020/table2_kodak"
SPEC = next(spec for spec in ALL_TABLES if spec.key == TABLE)
IMAGES = [f"{number:02}" for number in range(1, 25)]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, list[float]]], Config]:
    """A function that makes a project with results of FFDNet and of gains of Proposed over it, by noise level."""
    monkeypatch.chdir(tmp_path)

    def make(gains: dict[int, list[float]]) -> Config:
        config = make_project(tmp_path, "bench")
        for key, method, part in (("kodak-ffdnet", "FFDNet", 0.0), ("kodak-proposed", "Proposed", 1.0)):
            write_results(config, key, [
                f"Kodak,{name},sigma={sigma},{method},psnr,dB,{30 + number + part * found[number]:.6f}"
                for sigma, found in gains.items() for number, name in enumerate(IMAGES)
            ])  # fmt: skip
        return config

    return make


def test_a_difference_is_paired_over_the_images(bench):
    up = [0.1 + 0.01 * (number % 5) for number in range(24)]
    mixed = [0.3 * (-1) ** number for number in range(24)]
    config = bench({25: up, 35: mixed, 50: [-gain for gain in up]})
    context = stage.load_context(config)
    found = {
        one.level: one for one in stage.compare(SPEC, context).orderings if one.ordering.claim == "FFDNet < Proposed"
    }
    assert {sigma: one.status for sigma, one in found.items()} == {25: "holds", 35: "undecided", 50: "reversed"}
    for sigma, gains in ((25, up), (35, mixed)):
        difference = found[sigma].found
        assert difference.value == pytest.approx(fmean(gains), abs=1e-6)
        assert difference.error == pytest.approx(stdev(gains) / 24**0.5, abs=1e-6)
        assert difference.images == 24
    cells = {
        (cell.condition, cell.method): float(cell.value) for cell in context.printed(SPEC) if cell.item == "average"
    }
    assert found[25].printed == pytest.approx(cells["sigma=25", "Proposed"] - cells["sigma=25", "FFDNet"])


def test_an_ordering_that_is_neither_printed_nor_measured_is_not_listed(bench):
    context = stage.load_context(bench({}))
    for key in [key for key in context.measured.values if key[0] == "Set12" and key[3] in ("CSF", "MLP")]:
        del context.measured.values[key]
    compared = stage.compare(next(spec for spec in ALL_TABLES if spec.key == "zhang2017/table3_set12"), context)
    listed = {(one.ordering.claim, one.level): one.status for one in compared.orderings}
    assert listed["CSF < DnCNN-S", 25] == listed["MLP < DnCNN-S", 50] == "not run"
    assert not {("CSF < DnCNN-S", 50), ("MLP < DnCNN-S", 15)} & set(listed)


def test_a_method_without_values_is_an_ordering_not_run(bench):
    config = bench({25: [0.1] * 24})
    stage.run(config)
    text = page(config, f"{TABLE}.md")
    line = next(
        line for line in text.splitlines() if line.startswith("| 35 ") and "| FFDNet " in line and "Proposed" in line
    )
    assert "not run" in line and "FFDNet did not measure every image of Kodak at sigma=35" in text
    overview = page(config, "overview.md").partition("## Orderings")[2].partition("\n## ")[0]
    assert "liu2020/table2_kodak" in overview and "FFDNet < Proposed" in overview
