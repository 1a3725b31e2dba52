"""Figure 8 of Zhang et al. 2017: differences of averages, why there are none, and the drawing."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.sources import stores
from stages.report import gains
from stages.report import node as stage
from tests.report_project import make_project, page, write_record, write_results

HEAD = "demo:BSD68 (first 16)"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


def rows(config: Config) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((paths.reports(config.scale) / "noise_gain.csv").read_text("utf-8"))))


def test_gains_are_differences_of_averages_over_the_same_images(project):
    config = project("demo")
    values = {"bsd68_16-dncnn_b": ("DnCNN-B", 31.5, 30.0), "bsd68_16-bm3d": ("BM3D", 31.0, 29.75)}
    for key, (method, *psnr) in values.items():
        lines = [f"{HEAD},image{n},sigma=5,{method},psnr,dB,{value}" for n, value in enumerate(psnr)]
        write_results(config, key, [*lines, *(f"{line.rpartition(',')[0]},1".replace("=5", "=25") for line in lines)])
    write_results(config, "cbsd68_16-cbm3d", [])
    write_record(config, "filter", "cbsd68_16-cbm3d", unavailable="no images | 100 %")
    stage.run(config)
    found = {(row["dataset"], row["sigma"]): row for row in rows(config)}
    assert found[HEAD, "5"]["gain"] == "0.3750" and found[HEAD, "25"]["gain"] == "0.0000"
    assert found[HEAD, "10"]["gain"] == "" and found[HEAD, "10"]["note"] == gains.NOT_MEASURED
    assert {row["note"] for key, row in found.items() if key[0] != HEAD} == {"no images | 100 %"}
    drawn = page(config, "figures/noise_gain.svg")
    assert "DnCNN-B over BM3D, BSD68 (first 16)" in drawn and "stand-ins" in drawn and "CBM3D" not in drawn


def test_without_any_the_figure_says_why(project):
    config = project("bench")
    for _, method, other in gains.PAIRS:
        for stage_name, key in (("evaluate", method), ("filter", other)):
            prefix = "cbsd68_16" if method == "CDnCNN-B" else "bsd68_16"
            name = f"{prefix}-{key.lower().replace('-', '_')}"
            write_results(config, name, [])
            write_record(config, stage_name, name, unavailable="nothing here")
    stage.run(config)
    assert "Not run: nothing here." in page(config, "figures/noise_gain.svg")


def test_the_sets_are_the_first_images_of_theirs_at_the_levels_of_the_figure():
    config = load_config("bench")
    keys = {entry["title"]: key for key, entry in config.params["downloads"].items()}
    for title, method, over in gains.PAIRS:
        key, whole = keys[title], keys[title.partition(" ")[0]]
        first, items = (
            stores.load_items(name, stores.load_store(config.entry("download", name)["store"])) for name in (key, whole)
        )
        assert first == items[: len(first)] and str(len(first)) in title
        assert tuple(config.entry("synthesize", key)["sigmas"]) == gains.LEVELS
        sections = (config.params["evaluations"], config.params["filters"])
        methods = [{entry["method"] for entry in section.values() if entry["dataset"] == key} for section in sections]
        assert methods == [{method}, {over}]
