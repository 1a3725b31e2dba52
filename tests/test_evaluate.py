"""From a small data folder to results: synthesize, train, evaluate, filter, with kills and damage in between."""

import csv
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import read_index, write_index, write_unavailable
from redenoise.models import filters
from redenoise.models.filters import bm3d
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file
from stages.evaluate.node import run as evaluate
from stages.filter.node import run as classical
from stages.synthesize.node import run as synthesize
from stages.train.node import run as train
from tests.conftest import ROOT
from tests.training_project import INDEX, make_images, options, small_demo


@pytest.fixture
def small(project: Path) -> Config:
    """A demo configuration cut down to seconds, with data for Set12 and its training set in place."""
    return small_demo()


def run(config: Config) -> bytes:
    synthesize(config, "set12")
    train(config, "dncnn_b", options())
    evaluate(config, "set12-dncnn_b")
    return paths.results("demo", "set12-dncnn_b").read_bytes()


def test_results_have_the_published_columns_and_one_row_per_image_level_and_metric(small):
    rows = list(csv.DictReader(run(small).decode().splitlines()))
    assert list(rows[0]) == ["dataset", "item", "condition", "method", "metric", "unit", "value"]
    assert len(rows) == 2 * 3 * 2
    assert {row["dataset"] for row in rows} == {"demo:Set12"}
    assert {row["condition"] for row in rows} == {"sigma=15", "sigma=25", "sigma=50"}
    assert {(row["metric"], row["unit"]) for row in rows} == {("psnr", "dB"), ("ssim", "")}


def test_two_runs_give_the_same_bytes(small):
    first = run(small), {path.name: path.read_bytes() for path in paths.weights("demo", "dncnn_b").iterdir()}
    for folder in ("noisy", "weights", "results", "items"):
        for path in (paths.build("demo") / folder).rglob("*.*"):
            path.unlink()
    assert (run(small), {path.name: path.read_bytes() for path in paths.weights("demo", "dncnn_b").iterdir()}) == first


def test_provenance_names_inputs_code_and_parameters(small):
    run(small)
    record = provenance.read(paths.provenance("demo", "evaluate", "set12-dncnn_b"))
    assert set(record["inputs"]) == {
        "build/demo/noisy/set12", "build/demo/data/set12", "build/demo/weights/dncnn_b",
        "build/demo/leakage/set12-train400.txt",
    }  # fmt: skip
    assert record["params"]["entry"] == small.params["evaluations"]["set12-dncnn_b"]
    assert {"stages/evaluate/node.py", "redenoise/measure/apply.py"} <= set(record["sources"])
    assert record["outputs"]["build/demo/results/set12-dncnn_b.csv"]


def test_damaged_noisy_image_is_named(small):
    run(small)
    path = paths.noisy("demo", "set12") / "sigma15/image0.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    paths.provenance("demo", "synthesize", "set12").unlink()  # whose hash would tell before the index does
    with pytest.raises(UserError, match=r"sigma15/image0.npy: SHA-256 is"):
        evaluate(small, "set12-dncnn_b")


def test_filter_loses_no_finished_image(small, monkeypatch: pytest.MonkeyPatch):
    """A kill after two images: the next run computes the other four only."""
    synthesize(small, "set12")
    calls = []

    class Filter:
        __file__ = __file__

        @staticmethod
        def version() -> str:
            return "1"

        @staticmethod
        def denoise(noisy: np.ndarray, sigma: float) -> np.ndarray:
            if len(calls) == 2 and "killed" not in calls:
                calls.append("killed")
                raise KeyboardInterrupt
            calls.append(sigma)
            return noisy

    monkeypatch.setattr(filters.importlib, "import_module", lambda name: Filter)
    with pytest.raises(KeyboardInterrupt):
        classical(small, "set12-bm3d")
    assert not paths.results("demo", "set12-bm3d").exists()
    classical(small, "set12-bm3d")
    assert [call for call in calls if call != "killed"] == [15, 15, 25, 25, 50, 50]
    assert paths.results("demo", "set12-bm3d").exists()


def method(**functions: object) -> ModuleType:
    """A module of a classical method that is being written."""
    module = ModuleType("redenoise.models.filters.new")
    module.__dict__.update({"__file__": __file__, "version": lambda: "1"} | functions)
    return module


@pytest.mark.parametrize(
    ("module", "found"),
    [
        (method(denoise=None), "no function denoise; expected version() and denoise(noisy, sigma)"),
        (method(denoise=lambda noisy, sigma: noisy, version=None), "no function version"),
        (method(denoise=lambda noisy, sigma: None), "denoise returned NoneType, expected float (40, 36)"),
        (method(denoise=lambda noisy, sigma: noisy * np.nan), "denoise returned values that are not finite, expected"),
        (method(denoise=lambda noisy, sigma: noisy[..., None]), "denoise returned float32 (40, 36, 1), expected"),
        (method(denoise=lambda noisy, sigma: noisy.astype(np.uint8)), "denoise returned uint8 (40, 36), expected"),
    ],
    ids=["no denoise", "no version", "nothing", "not finite", "shape", "integers"],
)
def test_a_filter_that_breaks_the_contract_is_one_line(small, monkeypatch: pytest.MonkeyPatch, module, found):
    synthesize(small, "set12")
    monkeypatch.setattr(filters.importlib, "import_module", lambda name: module)
    with pytest.raises(UserError, match=re.escape(f"redenoise.models.filters.new: {found}")):
        classical(small, "set12-bm3d")
    assert not list(paths.items("demo", "set12-bm3d").rglob("*.png"))


def test_kill_9_in_the_middle_of_bm3d_loses_no_finished_image(small):
    make_images("set12", (96, 96))
    synthesize(small, "set12")
    command = [sys.executable, "-m", "stages.filter", "--scale", "demo", "--only", "set12-bm3d"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    finished = paths.items("demo", "set12-bm3d")
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while len(list(finished.rglob("*.png"))) < 2 and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in finished.rglob("*.png")}
    assert 2 <= len(kept) < 6
    assert not paths.results("demo", "set12-bm3d").exists()
    classical(small, "set12-bm3d")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    result = paths.results("demo", "set12-bm3d").read_bytes()
    shutil.rmtree(finished)
    classical(small, "set12-bm3d")
    assert paths.results("demo", "set12-bm3d").read_bytes() == result


def test_outputs_of_an_earlier_run_do_not_stay(small):
    """Neither a reason that no longer holds nor levels that params.yaml no longer names."""
    folder = paths.data("demo", "set12")
    index = (folder / "index.csv").read_bytes()
    write_index(folder, INDEX, [])
    write_unavailable(folder, "gone")
    synthesize(small, "set12")
    (folder / "unavailable.txt").unlink()
    (folder / "index.csv").write_bytes(index)
    (paths.noisy("demo", "set12") / "sigma99").mkdir()
    run(small)
    assert sorted(path.name for path in paths.noisy("demo", "set12").iterdir()) == [
        "index.csv", "sigma15", "sigma25", "sigma50"
    ]  # fmt: skip
    assert "unavailable" not in provenance.read(paths.provenance("demo", "evaluate", "set12-dncnn_b"))


@pytest.mark.parametrize(
    ("published_weights", "change", "reason"),
    [
        (True, {"published": {}}, "no weights of dncnn_b are published or released yet"),
        (False, {}, "scale demo leaves the training of dncnn_b out"),
    ],
)
def test_family_without_weights_is_reported_as_a_reason(small, published_weights, change, reason):
    family = {**small.params["families"]["dncnn_b"], **change}
    params = {**small.params, "families": {**small.params["families"], "dncnn_b": family}}
    training = {**small.settings["training"], "leaves_out": ["dncnn_b"]}
    settings = {**small.settings, "published_weights": published_weights, "training": training}
    run(replace(small, params=params, settings=settings))
    record = provenance.read(paths.provenance("demo", "evaluate", "set12-dncnn_b"))
    assert record["unavailable"].startswith(reason)


def test_network_without_importer_is_refused(small):
    folder = paths.data("demo", "dncnn_weights")
    (folder / "net.mat").write_bytes(b"of the authors")
    file = {"id": "gray_blind", "path": "net.mat", "sha256": sha256_file(folder / "net.mat")}
    write_index(folder, INDEX, [{**dict.fromkeys(INDEX, ""), **file}])
    family = {**small.params["families"]["dncnn_b"], "network": {"name": "multiscale", "channels": 1}}
    params = {**small.params, "families": {**small.params["families"], "dncnn_b": family}}
    importing = replace(small, params=params, settings={**small.settings, "published_weights": True})
    with pytest.raises(UserError, match="network 'multiscale' has no importer of published weights"):
        train(importing, "dncnn_b", options())


def test_missing_package_fails_or_is_reported_as_a_reason(small, monkeypatch: pytest.MonkeyPatch):
    synthesize(small, "set12")
    entry = {**small.params["filters"]["set12-bm3d"], "filter": "bm3d_package"}
    small = replace(small, params={**small.params, "filters": {**small.params["filters"], "set12-bm3d": entry}})

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("redenoise.models.filters.bm3d_package.metadata.version", missing)
    with pytest.raises(UserError, match="package bm3d is not installed.*research use only"):
        classical(small, "set12-bm3d")
    skipping = replace(small, params={**small.params, "unavailable": "skip"})
    monkeypatch.setattr("redenoise.dag.provenance.package_versions", dict)
    classical(skipping, "set12-bm3d")
    record = provenance.read(paths.provenance("demo", "filter", "set12-bm3d"))
    assert record["unavailable"].startswith("package bm3d is not installed")


def test_bm3d_gives_the_same_bits_every_time():
    """With more than one thread it does not: the order in which overlapping blocks are added up changes."""
    noisy = np.random.default_rng(0).normal(100, 25, (96, 96, 3)).astype(np.float32)
    first = bm3d.denoise(noisy, 25)
    assert all(np.array_equal(bm3d.denoise(noisy, 25), first) for _ in range(3))


def test_bm3d_removes_noise_in_gray_and_colour():
    clean = np.full((32, 32, 3), 100, np.float32)
    noisy = clean + np.random.default_rng(0).normal(0, 25, clean.shape).astype(np.float32)
    for image, reference in ((noisy, clean), (noisy[..., 0], clean[..., 0])):
        assert np.std(bm3d.denoise(image, 25) - reference) < 0.3 * 25


def test_unavailable_data_reach_the_report_as_a_reason(small):
    folder = paths.data("demo", "set12")
    for path in folder.iterdir():
        path.unlink()
    write_index(folder, INDEX, [])
    write_unavailable(folder, "Set12 could not be reached")
    rows = run(small).decode().splitlines()
    assert rows == ["dataset,item,condition,method,metric,unit,value"]
    record = provenance.read(paths.provenance("demo", "evaluate", "set12-dncnn_b"))
    assert record["unavailable"] == "Set12 could not be reached"


def test_missing_input_is_named(small):
    with pytest.raises(UserError, match="build/demo/noisy/set12: this input is missing"):
        evaluate(small, "set12-dncnn_b")


def test_noisy_index_holds_the_hashes_of_both_images(small):
    synthesize(small, "set12")
    rows = read_index(paths.noisy("demo", "set12"))
    assert [(row["id"], row["sigma"]) for row in rows[:3]] == [("image0", "15"), ("image1", "15"), ("image0", "25")]
    for row in rows:
        assert sha256_file(paths.noisy("demo", "set12") / row["path"]) == row["sha256"]
        assert sha256_file(paths.data("demo", "set12") / row["clean"]) == row["clean_sha256"]
