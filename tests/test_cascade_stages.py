"""Tasks, cascades and recognitions as stages: trained, interrupted, cut into shards, out of reach."""

import csv
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from redenoise.commands.release import release
from redenoise.dag import paths, provenance
from redenoise.dag.command_line import _main
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import unavailable_reason
from redenoise.models.weights import load_network
from redenoise.recognition import outcomes as measure
from redenoise.support.errors import Stopped, UserError
from redenoise.support.files import read_json
from redenoise.training.step import Step
from stages.cascade.__main__ import options as cascade_options
from stages.cascade.node import run as cascade
from stages.recognize.node import run as recognition
from stages.recognize_filtered.node import run as baseline
from stages.released.node import run as index_released
from tests.cascade_project import change, change_params, command, make_networks, make_sets, small_project
from tests.conftest import scratch
from tests.training_project import make_images

STEP = Step.__call__


def rows(key: str) -> dict[tuple[str, str], float]:
    """Values of a recognition by condition and metric."""
    with open(paths.results("demo", key), newline="") as stream:
        return {(row["condition"], row["metric"]): float(row["value"]) for row in csv.DictReader(stream)}


def written(key: str) -> tuple[bytes, bytes]:
    return paths.results("demo", key).read_bytes(), paths.outcomes("demo", key).read_bytes()


def weights(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with labelled sets and task networks, and one cascade for each task."""
    folder = scratch(tmp_path_factory.mktemp("cascades"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = small_project()
        make_sets(config)
        make_networks(config, "classify_2020", "segment_mse")
    return folder


@pytest.fixture
def ready(template: Path, project: Path) -> Config:
    """A copy of it, made the working directory."""
    shutil.copytree(template, project, dirs_exist_ok=True)
    return load_config("demo")


def test_from_labelled_images_to_results_of_both_tasks(ready: Config):
    recognition(ready, "classification-joint_2020")
    recognition(ready, "segmentation-separate")
    baseline(ready, "classification-clean")
    found = rows("classification-joint_2020")
    assert {condition for condition, _ in found} == {f"sigma={level}" for level in (15, 30, 45, 60)}
    for level in (15, 60):
        low, value, high = (found[f"sigma={level}", name] for name in ("top1_low", "top1", "top1_high"))
        assert low <= value <= high and found[f"sigma={level}", "images"] == 10
    assert {metric for _, metric in rows("segmentation-separate")} == {
        "miou",
        "miou_low",
        "miou_high",
        "psnr",
        "images",
    }
    assert ("clean", "top5") in rows("classification-clean") and ("clean", "psnr") not in rows("classification-clean")
    outcomes = measure.read_arrays(paths.outcomes("demo", "classification-joint_2020"))
    assert outcomes["sigma=15"].shape == (10,) and outcomes["sigma=15"].dtype == np.uint16
    assert np.count_nonzero(outcomes["sigma=45"] == 0) == round(found["sigma=45", "top1"] / 10)
    card = provenance.read(paths.provenance("demo", "cascade", "classify_2020"))["models"]["sigma45"]
    assert (card["steps_done"], card["sigma_range"], card["schedule"]) == (3, [45, 45], "modern")
    assert provenance.read(paths.provenance("demo", "task", "segmentation"))["card"]["start"].endswith("classification")


def test_a_cascade_starts_from_the_separately_trained_denoiser_and_changes_it(ready: Config):
    separate, joint = paths.weights("demo", "proposed_tasks"), paths.cascade("demo", "classify_2020")
    before, after = (load_network(folder / "sigma45.safetensors")[0] for folder in (separate, joint))
    changes = [(a - b).abs().max().item() for a, b in zip(before.parameters(), after.parameters(), strict=True)]
    assert 0 < max(changes) < 0.1  # three steps at a rate of 1e-3


def test_an_interrupted_cascade_ends_in_the_same_bytes(ready: Config, monkeypatch: pytest.MonkeyPatch):
    expected = weights(paths.cascade("demo", "classify_2020"))
    checkpoints = paths.checkpoints("demo", "cascade-classify_2020")
    shutil.rmtree(checkpoints)  # finished trainings would be taken up

    def call(self: Step, step: int) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        STEP(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(Step, "__call__", call)
        with pytest.raises(Stopped, match="stopped by signal 15 after step 2 of 3"):
            cascade(ready, "classify_2020", command())
    assert {path.name for path in checkpoints.iterdir()} == set(expected)
    cascade(ready, "classify_2020", command())
    assert weights(paths.cascade("demo", "classify_2020")) == expected and len(expected) == 4
    assert {path.name for path in checkpoints.iterdir()} == {
        f"{Path(name).stem}.finished.safetensors" for name in expected
    }
    shutil.rmtree(paths.cascade("demo", "classify_2020"))
    monkeypatch.setattr(Step, "__call__", None)  # no step is done again
    cascade(ready, "classify_2020", command())
    assert weights(paths.cascade("demo", "classify_2020")) == expected


def test_a_cascade_is_released_and_taken_up_where_weights_are_imported(ready: Config):
    make_images("cbsd68", (40, 36, 3))
    target = release(ready, "segment_mse", "sigma45")
    card = read_json(target.with_suffix(".json"))
    assert (card["family"], card["steps_done"], list(card["psnr"]["Kodak"])) == ("segment_mse", 3, ["45"])
    change_params(cascades={"segment_mse": {"published": {"sigma45": target.stem}}})
    config = change("demo", published_weights=True)
    index_released(config)
    cascade(config, "segment_mse", command())
    taken, given = (
        load_network(path)[0] for path in (paths.cascade("demo", "segment_mse") / "sigma45.safetensors", target)
    )
    assert all(torch.equal(*pair) for pair in zip(taken.parameters(), given.parameters(), strict=True))
    recognition(config, "segmentation-mse")
    record = provenance.read(paths.provenance("demo", "recognize", "segmentation-mse"))
    assert list(record["unavailable_levels"]) == ["sigma=60"]
    assert {condition for condition, _ in rows("segmentation-mse")} == {"sigma=45"}


def test_a_checkpoint_of_other_losses_is_refused(ready: Config):
    shutil.rmtree(paths.checkpoints("demo", "cascade-segment_mse"))
    cascade(ready, "segment_mse", command(model="sigma45"))
    change_params(cascades={"segment_mse": {"high_level": 0.5}})
    with pytest.raises(UserError, match=r"segment_mse/sigma45.safetensors.*losses.high_level was 0, is 0.5"):
        cascade(load_config("demo"), "segment_mse", command(model="sigma45"))


@pytest.mark.parametrize("shares", [2, 5])
def test_any_number_of_shards_merges_to_the_same_bytes(ready: Config, shares: int, capsys):
    recognition(ready, "classification-separate")
    expected = written("classification-separate")
    for part in paths.parts("demo", "classification-separate").iterdir():
        part.unlink()
    for share in range(1, shares + 1):
        recognition(ready, "classification-separate", (share, shares))
    for path in (paths.results, paths.outcomes):
        path("demo", "classification-separate").unlink()
    made = {path: path.stat().st_mtime_ns for path in paths.parts("demo", "classification-separate").iterdir()}
    assert len(made) == 12  # three parts of four images at four noise levels
    recognition(ready, "classification-separate")
    assert written("classification-separate") == expected
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_a_killed_recognition_goes_on_and_a_damaged_part_is_made_again(ready: Config, monkeypatch: pytest.MonkeyPatch):
    recognition(ready, "segmentation-mse")
    expected, folder = written("segmentation-mse"), paths.parts("demo", "segmentation-mse")
    parts = sorted(folder.iterdir())
    parts[0].write_bytes(b"PK damaged")
    measure.write_arrays(parts[1], {name: 0 * values for name, values in measure.read_arrays(parts[1]).items()})
    parts[-1].unlink()
    computed, compute = [], measure.compute
    monkeypatch.setattr(measure, "compute", lambda *of: computed.append(of[2].number) or compute(*of))
    recognition(ready, "segmentation-mse")
    assert computed == [0, 1, len(parts) - 1] and written("segmentation-mse") == expected


def test_other_weights_make_other_parts(ready: Config):
    recognition(ready, "segmentation-mse")
    before = {path.name for path in paths.parts("demo", "segmentation-mse").iterdir()}
    change_params(cascades={"segment_mse": {"reconstruction": 1.0}})
    config = load_config("demo")
    cascade(config, "segment_mse", command())
    recognition(config, "segmentation-mse")
    after = {path.name for path in paths.parts("demo", "segmentation-mse").iterdir()}
    assert len(after) == len(before) and not after & before


def test_classical_denoisers_take_the_first_images_where_the_scale_says_so(ready: Config):
    change_params(tasks={"classification": {"sigmas": [30, 60]}})
    ready = load_config("demo")
    baseline(ready, "classification-cbm3d")
    assert rows("classification-cbm3d")["sigma=60", "images"] == 3
    baseline(ready, "classification-noisy")
    noisy, denoised = rows("classification-noisy"), rows("classification-cbm3d")
    assert denoised["sigma=30", "psnr"] > noisy["sigma=30", "psnr"] + 5


def test_a_set_that_is_not_there_is_handed_on_as_a_reason(project: Path, monkeypatch: pytest.MonkeyPatch):
    (project / "mirror").mkdir()
    monkeypatch.setenv("REDENOISE_MIRROR", str(project / "mirror"))
    config = small_project(real_data=True)
    make_sets(config)
    make_networks(config, "segment_2020")
    baseline(config, "segmentation-noisy")
    record = provenance.read(paths.provenance("demo", "recognize_filtered", "segmentation-noisy"))
    assert "Pascal VOC" in record["unavailable"]
    assert "vgg16-397923af.pth" in unavailable_reason(paths.task("demo", "classification"))
    assert str(project) not in unavailable_reason(paths.task("demo", "classification"))  # reports repeat it
    assert rows("segmentation-noisy") == {}
    assert measure.read_arrays(paths.outcomes("demo", "segmentation-noisy")) == {}
    baseline(config, "segmentation-noisy", (1, 2))
    assert (
        "Pascal VOC" in read_json(paths.shard("demo", "recognize_filtered", "segmentation-noisy", 1, 2))["unavailable"]
    )


@pytest.mark.parametrize("text", ["3", "0/2", "3/2", "a/b", "1/2/3"])
def test_a_wrong_shard_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setattr("sys.argv", ["recognize", "--only", "x", "--shard", text])
    with pytest.raises(UserError, match="--shard is .*; expected I/N with 1 <= I <= N, such as 3/20"):
        _main("recognize", "", lambda parser: None, ())


def test_wrong_options_are_one_clear_line(ready: Config, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.argv", ["recognize", "--shard", "1/2"])
    with pytest.raises(UserError, match="--shard is for one node; add --only KEY"):
        _main("recognize", "", lambda parser: None, ())
    monkeypatch.setattr("sys.argv", ["cascade", "--model", "sigma45"])
    with pytest.raises(UserError, match="--model is for one node; add --only KEY"):
        _main("cascade", "", cascade_options, ("model",))
    with pytest.raises(UserError, match="cascades.segment_mse has no model 'sigma15'; allowed: sigma45, sigma60"):
        cascade(ready, "segment_mse", command(model="sigma15"))


TASK, CASCADE, RECOGNITION = (
    ("tasks", "segmentation"),
    ("cascades", "segment_2020"),
    ("recognitions", "segmentation-mse"),
)


@pytest.mark.parametrize(
    ("place", "fields", "line"),
    [
        (TASK, {"data": "voc_valid"}, r"'tasks.segmentation.data' is 'voc_valid', .*'voc_val'"),
        (TASK, {"start": "tasks/classify"}, "'tasks.segmentation.start' is 'classify', .*tasks"),
        (CASCADE, {"task": "segment"}, "'cascades.segment_2020.task' is 'segment', which is no entry"),
        (CASCADE, {"data": "imagenet_train"}, "a set for classification, but its task is segmentation"),
        (CASCADE, {"sigmas": [25]}, "'cascades.segment_2020.sigmas' is 25, .*families.proposed_tasks"),
        (RECOGNITION, {"denoiser": "cascades/no"}, "denoiser' is 'no', which is no entry of cascades"),
        (RECOGNITION, {"denoiser": "no"}, "'recognitions.segmentation-mse.denoiser'.*weights/"),
    ],
)
def test_names_that_stand_nowhere_are_one_clear_line(project: Path, place: tuple[str, str], fields: dict, line: str):
    change_params(**{place[0]: {place[1]: fields}})
    with pytest.raises(UserError, match=line) as caught:
        load_config("demo")
    assert "\n" not in str(caught.value)
