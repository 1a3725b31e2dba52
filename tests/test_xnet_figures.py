"""Figures 3 and 4 of Kligvasser et al. 2018: counts, rows and drawings."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.levels import varied
from redenoise.models import denoisers
from stages.architecture import node as architecture
from stages.report import node as stage
from stages.report import xnets
from tests.report_project import card, configuration, make_project, page, write_record
from tests.test_xnet import counted, in_activations


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


def rows(config: Config, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((paths.reports(config.scale) / name).read_text(encoding="utf-8"))))


@pytest.mark.parametrize("scale", ["demo", "short"])
def test_parameters_are_those_of_the_networks(scale: str):
    config = configuration(scale)
    found = {(name, metric): count for name, metric, count in architecture.counts(architecture.made(config))}
    for family in xnets.FAMILIES:
        entry = config.entry("train", family)
        for model, changed in varied(entry).items():
            with torch.device("meta"):
                network = denoisers.build({**config.network(entry), **changed})
            counts = tuple(found[f"{family}/{model}", metric] for metric in xnets.COUNTS)
            assert counts == (counted(network), in_activations(network))


def test_points_that_were_not_trained_say_why(project):
    config = project("short")
    write_record(config, "train", "convnet", unavailable="no images | 100 %")
    names = list(varied(config.entry("train", "xnet")))
    psnr = {name: 28.0 + number / 100 for number, name in enumerate(names)}
    curves = {name: [[100, 0.001, 25.0, None], [2000, 0.0, 27.0, value]] for name, value in psnr.items()}
    models = {name: card(curve=curve) for name, curve in curves.items() if "depth_3" not in name}
    write_record(config, "train", "xnet", models=models)
    stage.run(config)
    points, shares = rows(config, "xnet_parameters.csv"), rows(config, "xnet_share.csv")
    assert all(row["psnr"] == "" and row["note"] == "no images | 100 %" for row in points if row["support"] == "0")
    found = {(row["support"], row["depth"]): row for row in points if row["support"] != "0"}
    assert found["9", "4"]["psnr"] == f"{psnr['support_9-depth_4-sigma25']:.4f}" and not found["9", "4"]["note"]
    assert found["9", "3"]["psnr"] == "" and found["9", "3"]["note"] == "not trained or imported yet"
    exact = next(row for row in shares if row["support"] == "11")
    assert exact["parameters"] == found["11", "4"]["parameters"] == "99136"
    assert exact["share"] == "24.21" and exact["psnr"] == "", "between 3 and 4 convolutions: the former is not there"
    drawn = page(config, "figures/xnet_parameters.svg")
    assert ">xNet 9x9<" in drawn and ">ConvNet<" not in drawn and "stand-ins" not in drawn
    between = next(row for row in shares if row["support"] == "9")
    low, high = (float(found["9", depth]["psnr"]) for depth in "45")
    assert low < float(between["psnr"]) < high


def test_the_share_grows_with_the_support_from_nothing(project):
    config = project("bench")
    stage.run(config)
    shares = [float(row["share"]) for row in rows(config, "xnet_share.csv")]
    assert shares[0] == 0 and shares[-1] > 20 and sorted(set(shares)) == shares
    assert "Not run: not trained or imported yet." in page(config, "figures/xnet_share.svg")


def test_miniatures_have_a_number_of_parameters_of_their_own(project):
    config = project("demo")
    for family in xnets.FAMILIES:
        models = {name: card() for name in varied(config.entry("train", family))}
        write_record(config, "train", family, models=models)
    stage.run(config)
    found = rows(config, "xnet_share.csv")
    assert {row["network"] for row in found} == {"ConvNet", "xNet"}
    assert all(row["psnr"] == "30.5000" and not row["note"] for row in found)
    assert "stand-ins for BSD68" in page(config, "figures/xnet_share.svg")


def test_a_project_without_these_families_has_figures_that_say_so(project):
    config = project("demo")
    without = {key: entry for key, entry in config.params["families"].items() if "variants" not in entry}
    config = Config("demo", {**config.params, "families": without}, config.settings)
    stage.run(config)
    for name in ("xnet_parameters", "xnet_share", "dncnn_variants"):
        assert "Not run: there are no such networks." in page(config, f"figures/{name}.svg")
