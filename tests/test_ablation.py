"""Figure 2 of Zhang et al. 2017: its rows, its drawing, and the schedules of its networks."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.levels import varied
from redenoise.training.schedule import schedule_for
from stages.report import ablation
from stages.report import node as stage
from tests.report_project import card, configuration, make_project, page, write_record


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


def rows(config: Config) -> list[dict[str, str]]:
    text = (paths.reports(config.scale) / "dncnn_variants.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_networks_that_were_trained_are_drawn_and_the_others_say_why_not(project):
    config = project("short")
    write_record(config, "train", "dncnn_adam", unavailable="no images")
    names = list(varied(config.entry("train", "dncnn_sgd")))
    write_record(config, "train", "dncnn_sgd", models={name: card() for name in names[:2]})
    stage.run(config)
    found = rows(config)
    assert {row["note"] for row in found if row["optimizer"] == "Adam"} == {"no images"}
    trained = [row for row in found if row["psnr"]]
    assert [(row["step"], row["psnr"]) for row in trained] == [("200", "30.2500"), ("40000", "30.5000")] * 2
    assert {(row["residual"], row["batch_norm"]) for row in found} == {
        (a, b) for a in ("yes", "no") for b in ("yes", "no")
    }
    drawn = page(config, "figures/dncnn_variants.svg")
    assert ">SGD<" in drawn and ">Adam<" not in drawn
    assert ">residual, no batch norm.<" in drawn and ">direct, no batch norm.<" not in drawn


def test_without_networks_the_figure_says_so(project):
    config = project("bench")
    stage.run(config)
    assert "Not run: not trained or imported yet." in page(config, "figures/dncnn_variants.svg")


@pytest.mark.parametrize("scale", ["demo", "short", "modern"])
def test_no_scale_takes_the_optimisers_away(scale: str):
    config = configuration(scale)
    for family, optimizer in ablation.FAMILIES.items():
        name, schedule = schedule_for(config.params, config.settings["training"], config.entry("train", family))
        assert schedule.optimizer == optimizer.lower() and name == config.entry("train", family)["schedule"]
        assert schedule.steps == config.settings["training"].get("steps", schedule.steps)
