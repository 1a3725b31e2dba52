"""Interrupted training: stops, kills, damage, changes and divergence, and what each ends in."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from stages.common import paths
from stages.common.errors import STOPPED_CODE, Stopped, UserError
from stages.train.__main__ import main, train
from stages.train.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from stages.train.step import Step, learner_tensors
from tests.conftest import ROOT
from tests.training_project import change_scale, learner, options, outcome, run_of, schedule, small_demo

STEP = Step.__call__


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Do something once, before a step of any run."""

    def set_up(number: int, action: Callable[[], None]) -> None:
        todo = [action]

        def call(self: Step, step: int) -> None:
            if step == number and todo:
                todo.pop()()
            STEP(self, step)

        monkeypatch.setattr(Step, "__call__", call)

    return set_up


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def break_off() -> None:
    raise RuntimeError("power failure")


@pytest.mark.parametrize(
    ("optimizer", "average", "mode"),
    [("sgd", 0.0, "reference"), ("sgd", 0.9, "fast"), ("adamw", 0.9, "reference"), ("adamw", 0.0, "fast")],
)
def test_a_run_stopped_anywhere_ends_in_the_same_bytes(tmp_path, at_step, optimizer, average, mode):
    """Steps are logged by three: most stops are in the middle of a window, whose losses must not get lost."""
    entry = schedule(optimizer=optimizer, average=average, clip=0.5)
    undisturbed = run_of(tmp_path / "undisturbed", ("sigma25",), entry, mode)
    undisturbed.finish()
    for number in range(entry.steps):
        folder = tmp_path / str(number)
        at_step(number, terminate)
        with pytest.raises(Stopped, match=rf"sigma25: stopped by signal 15 after step {number + 1} of 8"):
            run_of(folder, ("sigma25",), entry, mode).finish()
        again = run_of(folder, ("sigma25",), entry, mode)
        assert again.members[0].step == number + 1
        again.finish()
        assert outcome(again) == outcome(undisturbed), number


@pytest.mark.parametrize(("seconds", "kept"), [(0.0, 5), (1e9, 0)])
def test_a_run_that_broke_off_goes_on_from_its_last_checkpoint(tmp_path, at_step, seconds, kept):
    names = ("sigma25", "sigma50")
    undisturbed = run_of(tmp_path / "undisturbed", names, schedule())
    undisturbed.finish()
    at_step(5, break_off)
    with pytest.raises(RuntimeError):
        run_of(tmp_path / "broken", names, schedule(), seconds=seconds).finish()
    again = run_of(tmp_path / "broken", names, schedule())
    assert [one.step for one in again.members] == [kept, kept]
    again.finish()
    assert outcome(again) == outcome(undisturbed)


def test_those_behind_catch_up_and_all_end_in_the_same_bytes(tmp_path, at_step):
    names = ("sigma15", "sigma25", "sigma50")
    undisturbed = run_of(tmp_path / "undisturbed", names, schedule())
    undisturbed.finish()
    for name, number in (("sigma25", 4), ("sigma50", 1)):
        at_step(number, terminate)
        with pytest.raises(Stopped):
            run_of(tmp_path / "alone", (name,), schedule()).finish()
    together = run_of(tmp_path / "alone", names, schedule())
    assert [one.step for one in together.members] == [0, 5, 2]
    together.finish()
    assert outcome(together) == outcome(undisturbed)
    assert [one.step for one in run_of(tmp_path / "alone", names, schedule()).members] == [8, 8, 8]


def test_a_finished_run_does_nothing(tmp_path, monkeypatch):
    run_of(tmp_path, ("sigma25",), schedule()).finish()
    monkeypatch.setattr(Step, "__call__", lambda *_: pytest.fail("trained again"))
    run_of(tmp_path, ("sigma25",), schedule()).finish()


def test_handlers_of_signals_are_given_back(tmp_path, at_step):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    at_step(2, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Stopped, match="signal 2 .* start the same command again"):
        run_of(tmp_path, ("sigma25",), schedule()).finish()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_checkpoint_holds_every_tensor_and_its_story(tmp_path):
    run = run_of(tmp_path, ("sigma25",), schedule(optimizer="sgd"))
    run.finish()
    entry, tensors = read_checkpoint(tmp_path / "sigma25.safetensors")
    assert (entry["step"], entry["key"]) == (8, {"sigma": 25.0})
    assert entry["history"] == run.members[0].history
    now = learner_tensors(run.members[0].learner)
    assert set(tensors) == set(now) and all(torch.equal(tensors[name], now[name]) for name in now)
    parts = {name.split(".")[0] for name in tensors}
    assert parts == {"network", "averaged", "loss_sum", "optimizer"}
    names = {name for name, _ in run.members[0].learner.network.named_parameters()}
    assert {name.removeprefix("optimizer.momentum_buffer.") for name in tensors if "momentum" in name} == names


def test_a_checkpoint_of_another_run_is_refused_with_what_has_changed(tmp_path):
    path = tmp_path / "a.safetensors"
    key = {"seed": 0, "schedule": {"learning_rate": 0.1, "steps": 8}, "code": {"step.py": "a" * 64}}
    save_checkpoint(path, learner(schedule()), 3, key, {})
    assert load_checkpoint(path, learner(schedule()), json.loads(json.dumps(key)))[0] == 3
    other = {"seed": 0, "schedule": {"learning_rate": 0.2, "steps": 8}, "code": {"step.py": "b" * 64}}
    with pytest.raises(UserError) as error:
        load_checkpoint(path, learner(schedule()), other)
    line = str(error.value)
    assert line.startswith(f"{path}: a checkpoint at step 3 of another run: ")
    assert "schedule.learning_rate was 0.1, is 0.2" in line and "code.step.py was" in line
    assert "seed" not in line and "steps" not in line and "\n" not in line and len(line) < 400 + len(str(path))
    assert "delete it to train from the start" in line


def test_a_checkpoint_with_other_tensors_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, learner(schedule()), 3, {}, {})
    for other in (learner(schedule(average=0.0)), learner(schedule(), encoder=256)):
        with pytest.raises(UserError, match="its tensors are not those of this run; delete it"):
            load_checkpoint(path, other, {})


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:100],
        lambda data: data[:-10],
        lambda data: b"",
        lambda data: b"\0" * 100,
        lambda data: save({"a": torch.zeros(1)}),
        lambda data: save({"a": torch.zeros(1)}, {"redenoise": "{}"}),
        lambda data: save({"a": torch.zeros(1)}, {"redenoise": "[1"}),
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path, damage):
    run_of(tmp_path, ("sigma25",), schedule()).finish()
    path = tmp_path / "sigma25.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="sigma25.safetensors: damaged.*; delete it to train from the start") as error:
        run_of(tmp_path, ("sigma25",), schedule())
    assert "\n" not in str(error.value)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(UserError, match="none.safetensors: no such checkpoint"):
        read_checkpoint(tmp_path / "none.safetensors")


def test_divergence_ends_the_run_and_keeps_the_last_good_checkpoint(tmp_path):
    """The rate becomes absurd at step 5: what was kept before is finite, what comes then is not written."""
    entry = schedule(optimizer="sgd", curve="step", every=5, factor=1e45, loss="half_mse_255", learning_rate=1e-8)
    with pytest.raises(UserError) as error:
        run_of(tmp_path, ("sigma25",), entry, seconds=0.0).finish()
    path = tmp_path / "sigma25.safetensors"
    line = str(error.value)
    assert "test sigma25: the loss is nan at step 6, the training has diverged" in line
    assert f"the last good checkpoint is {path}" in line and "lower learning_rate" in line
    kept, tensors = read_checkpoint(path)
    assert kept["step"] == 5
    assert all(tensor.isfinite().all() for tensor in tensors.values() if tensor.is_floating_point())


def test_divergence_before_the_first_checkpoint_says_that_none_was_kept(tmp_path):
    entry = schedule(optimizer="sgd", curve="step", learning_rate=1e30)
    with pytest.raises(UserError, match="the loss is .* at step 3, the training has diverged; none was kept"):
        run_of(tmp_path, ("sigma25",), entry).finish()
    assert not list(tmp_path.iterdir())


def weights(key: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths.weights("demo", key).iterdir()}


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    """The stage in a process of its own, on a scratch project; its log goes to the file `log`."""
    command = [sys.executable, "-m", "stages.train", "--scale", "demo", *arguments]
    with open(folder / "log", "w") as log:
        return subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=log)


def steps_done(key: str) -> int:
    """The lowest step of the checkpoints of a family with two models, 0 if one has none yet."""
    steps = []
    for path in (paths.build("demo") / "checkpoints" / key).glob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            steps.append(json.loads(file.metadata()["redenoise"])["step"])
    return min(steps) if len(steps) == 2 else 0


def wait_for(process: subprocess.Popen, condition: Callable[[], bool]) -> None:
    """Until something holds of a process that should still run then."""
    until = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < until:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"the process ended with {process.poll()}: {Path('log').read_text()}")


def test_a_training_that_was_stopped_and_killed_ends_in_the_same_bytes(project):
    """The stage as a user starts it: SIGTERM, then kill -9, then to the end, against a run that nothing disturbed."""
    settings = small_demo(steps=40, log_every=7)
    families = {
        **settings.params["families"],
        "proposed": {**settings.params["families"]["proposed"], "sigmas": [25, 50]},
    }
    text = Path("params.yaml").read_text()
    first = text.index("  proposed:")
    Path("params.yaml").write_text(text[:first] + text[first:].replace("sigmas: [25, 35, 50]", "sigmas: [25, 50]", 1))
    settings = replace(settings, params={**settings.params, "families": families})
    arguments = ("--only", "proposed", "--checkpoint-seconds", "0")

    process = start(project, *arguments)
    wait_for(process, lambda: steps_done("proposed") > 0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == STOPPED_CODE
    log = Path("log").read_text()
    assert "stopped by signal 15 after step" in log and "Traceback" not in log
    stopped = steps_done("proposed")
    assert 0 < stopped < 40
    assert not paths.weights("demo", "proposed").exists()

    process = start(project, *arguments)
    wait_for(process, lambda: steps_done("proposed") > stopped + 1)
    process.kill()
    process.wait(60)
    assert stopped < steps_done("proposed") < 40
    assert f"proposed sigma25: goes on from step {stopped}" in Path("log").read_text()

    train(settings, "proposed", options())
    disturbed = weights("proposed")
    assert not (paths.build("demo") / "checkpoints" / "proposed").exists()
    train(settings, "proposed", options())
    assert weights("proposed") == disturbed
    assert sorted(disturbed) == ["sigma25.curve.csv", "sigma25.safetensors", "sigma50.curve.csv", "sigma50.safetensors"]


def test_a_family_refuses_checkpoints_of_another_schedule_data_or_seed(project, at_step):
    settings = small_demo()
    at_step(2, terminate)
    with pytest.raises(Stopped):
        train(settings, "dncnn_b", options())
    with pytest.raises(UserError, match=r"schedule.learning_rate was 0.005, is 0.01"):
        train(change_scale(training={"learning_rate": 0.01}), "dncnn_b", options())
    with pytest.raises(UserError, match="seed was 0, is 1"):
        train(replace(settings, params={**settings.params, "seed": 1}), "dncnn_b", options())
    index = paths.data("demo", "train400") / "index.csv"
    index.write_text(index.read_text().replace("test", "train"))
    with pytest.raises(UserError, match="another run: data was .*, is ") as error:
        train(settings, "dncnn_b", options())
    assert "schedule" not in str(error.value)


def test_data_out_of_reach_cost_no_training(project, at_step):
    """The node says why it has no weights; what was trained before waits until the data are back."""
    settings = small_demo()
    at_step(2, terminate)
    with pytest.raises(Stopped):
        train(settings, "dncnn_b", options())
    reason = paths.data("demo", "train400") / "unavailable.txt"
    reason.write_text("Train400 could not be reached")
    train(settings, "dncnn_b", options())
    assert weights("dncnn_b") == {"unavailable.txt": b"Train400 could not be reached\n"}
    reason.unlink()
    assert (paths.build("demo") / "checkpoints/dncnn_b/model.safetensors").exists()
    train(settings, "dncnn_b", options())
    assert sorted(weights("dncnn_b")) == ["model.curve.csv", "model.safetensors"]


def test_one_model_alone_is_taken_up_by_its_family(project):
    settings = small_demo()
    train(settings, "proposed", options())
    expected = weights("proposed")
    train(settings, "proposed", options(model="sigma35"))
    assert weights("proposed") == expected
    assert [path.name for path in (paths.build("demo") / "checkpoints/proposed").iterdir()] == ["sigma35.safetensors"]
    train(settings, "proposed", options())
    assert weights("proposed") == expected
    with pytest.raises(UserError, match="families.proposed has no model 'sigma36'; .*did you mean 'sigma35'"):
        train(settings, "proposed", options(model="sigma36"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", "sigma25"], "--model .*--only"),
        (["--continue-from", "a.safetensors"], "--continue-from .*--only"),
        (["--scale", "bench", "--only", "proposed", "--model", "sigma25"], "scale bench .*does not train"),
    ],
)
def test_options_that_need_others_are_refused(project, monkeypatch, arguments, expected):
    monkeypatch.setattr(sys, "argv", ["stages.train", *arguments])
    with pytest.raises(UserError, match=expected):
        main()
