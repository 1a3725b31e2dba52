"""Released networks of tasks: from training to weights/ and back, their measure and precision, and what is refused."""

import math
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from redenoise.commands import release as release_command
from redenoise.commands import task_release
from redenoise.commands.release import main, release_task
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import write_unavailable
from redenoise.dag.results import read_results
from redenoise.models import recognizers
from redenoise.models.weights import load_network
from redenoise.support.errors import Stopped, UserError
from redenoise.support.files import read_json
from redenoise.training.step import Step
from stages.labelled.node import run as label
from stages.recognize_filtered.node import run as recognize
from stages.released.node import run as index_released
from stages.task.node import run as task
from tests.cascade_project import change, change_params, small_project
from tests.conftest import scratch

KEY, TITLE = "segmentation", "demo:Pascal VOC 2012"
STEP = Step.__call__


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a trained segmenter, and the sets to train and to measure it on."""
    folder = scratch(tmp_path_factory.mktemp("tasks"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        small_project()
        change_params(tasks={KEY: {"start": "no_weights.txt"}})
        config = load_config("demo")
        for key in ("voc_train_aug", "voc_val"):
            label(config, key)
        task(config, KEY)
    return folder


@pytest.fixture
def config(template: Path, project: Path) -> Config:
    """A copy of it, made the working directory."""
    shutil.copytree(template, project, dirs_exist_ok=True)
    return load_config("demo")


def card_of(path: Path) -> dict:
    return read_json(path.with_suffix(".json"))


def released() -> list[str]:
    return [path.name for path in paths.WEIGHTS.glob("*") if path.name != "README.md"]


def recognized(config: Config) -> float:
    """The mIoU that the results of clean images have."""
    recognize(config, "segmentation-clean")
    rows = read_results(paths.results("demo", "segmentation-clean"), "run it")
    return next(float(row["value"]) for _, row in rows if row["metric"] == "miou")


def test_what_is_trained_and_released_is_what_another_scale_takes_up(config: Config, monkeypatch, capsys):
    monkeypatch.setattr(task_release, "HIGHEST_COST", -math.inf)
    expected = recognized(config)
    path = release_task(config, KEY)
    card = card_of(path)
    assert path == paths.WEIGHTS / "segmentation-model.safetensors"
    assert (card["steps_done"], card["precision"], card["scores"][TITLE]["images"]) == (3, "float32", 10)
    assert card["scores"][TITLE]["miou"] == pytest.approx(expected, abs=1e-4)
    assert "segmentation model: 16 bits would cost " in capsys.readouterr().err
    trained = load_file(paths.task("demo", KEY) / "model.safetensors")
    change_params(tasks={KEY: {"start": "data/released", "weights": path.stem}})
    config = change("demo", real_data=True)
    index_released(config)
    task(config, KEY)
    taken = load_file(paths.task("demo", KEY) / "model.safetensors")
    assert set(taken) == set(trained) and all(torch.equal(taken[name], trained[name]) for name in taken)
    assert provenance.read(paths.provenance("demo", "task", KEY))["card"] == card
    assert recognized(config) == expected


def test_a_release_has_16_bits_where_they_cost_next_to_nothing(config: Config):
    path = release_task(config, KEY)
    card, half = card_of(path), load_network(path, build=recognizers.build)[0]
    assert card["precision"] == "float16" and abs(card["precision_cost"]) < task_release.HIGHEST_COST
    assert {tensor.dtype for tensor in load_file(path).values() if tensor.ndim > 1} == {torch.float16}
    assert task_release.measure(config, KEY, half, ["voc_val"]) == card["scores"]
    whole = release_command.trained(config, "task", KEY, "model")[0]
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(half.state_dict()[name].float(), tensor.float(), rtol=2**-11, atol=1e-7)


def test_weights_beyond_the_range_of_16_bits_are_stored_in_32(config: Config, monkeypatch, capsys):
    network, card = release_command.trained(config, "task", KEY, "model")
    name, weight = next((name, value) for name, value in network.named_parameters() if value.ndim == 4)
    weight.data.view(-1)[0] = 1e5
    monkeypatch.setattr(release_command, "trained", lambda *_: (network, card))
    path = release_task(config, KEY)
    assert card_of(path)["precision"] == "float32" and load_file(path)[name].max() == 1e5
    assert "16 bits would cost inf points, 0.05 or more; stored in 32" in capsys.readouterr().err


def test_the_list_of_weights_has_networks_of_tasks_apart(config: Config):
    release_task(config, KEY)
    text = (paths.WEIGHTS / "README.md").read_text()
    denoisers, _, tasks = text.partition("## Networks of tasks")
    assert "segmentation-model" not in denoisers
    line = next(line for line in tasks.splitlines() if "[segmentation-model](segmentation-model.json)" in line)
    assert f"{TITLE}: mIoU {card_of(paths.WEIGHTS / 'segmentation-model.json')['scores'][TITLE]['miou']:.2f}" in line


def test_a_training_that_has_not_ended_is_released_as_it_stands(config: Config, monkeypatch):
    def call(self: Step, step: int) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        STEP(self, step)

    shutil.rmtree(paths.checkpoints("demo", f"task-{KEY}"))  # a finished training would be taken up
    monkeypatch.setattr(Step, "__call__", call)
    with pytest.raises(Stopped):
        task(config, KEY)
    assert card_of(release_task(config, KEY))["steps_done"] == 2


def test_the_command_line(config: Config, capsys):
    main([KEY, "--scale", "demo", "--on", "voc_val", "voc_train_aug"])
    said = capsys.readouterr().out
    assert f"{TITLE}: mIoU " in said and "start: data/released" in said and "weights: segmentation-model" in said


def test_a_family_without_a_model_is_no_network_of_a_task(config: Config):
    with pytest.raises(UserError, match="'proposed': without a model, the network of a task is released; .*segment"):
        main(["proposed", "--scale", "demo"])


@pytest.mark.parametrize(
    ("key", "sets", "line"),
    [
        (KEY, ["voc"], "--on 'voc': no entry of `labelled` for segmentation; .*voc_val"),
        (KEY, ["imagenet_val"], "--on 'imagenet_val': no entry of `labelled` for segmentation"),
        (KEY, [], "tasks.segmentation: no set to measure it on"),
        ("classification", None, "tasks/classification/model.safetensors: nothing was trained there, .*stages.task"),
    ],
)
def test_what_is_refused_is_one_line_and_writes_nothing(config: Config, key: str, sets: list | None, line: str):
    with pytest.raises(UserError, match=line) as caught:
        release_task(config, key, sets)
    assert "\n" not in str(caught.value) and released() == []


def test_nothing_is_released_without_the_set_that_measures_it(config: Config):
    write_unavailable(paths.labelled("demo", "voc_val"), "Pascal VOC is not here")
    with pytest.raises(UserError, match="labelled/voc_val: no images to measure segmentation on: Pascal VOC is not"):
        release_task(config, KEY)
    assert released() == []


def test_a_set_without_a_validation_part_has_to_be_named(config: Config):
    assert task_release.validation(config, "classify_photographs") == []
    assert task_release.validation(config, "segment_photographs_training") == ["camvid_val"]
