"""Interrupted runs: stops, damage, changes and divergence, and what each ends in."""

import json
import os
import signal
from collections.abc import Callable

import pytest
import torch
from safetensors.torch import save

from redenoise.support.errors import Stopped, UserError
from redenoise.training.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from redenoise.training.step import Step, learner_tensors
from tests.training_project import learner, outcome, run_of, schedule

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


def test_those_behind_catch_up_and_all_end_in_the_same_bytes(tmp_path, at_step, monkeypatch):
    names = ("sigma15", "sigma25", "sigma50")
    undisturbed = run_of(tmp_path / "undisturbed", names, schedule())
    undisturbed.finish()
    for name, number in (("sigma25", 4), ("sigma50", 1)):
        at_step(number, terminate)
        with pytest.raises(Stopped):
            run_of(tmp_path / "alone", (name,), schedule()).finish()
    together = run_of(tmp_path / "alone", names, schedule())
    assert [one.step for one in together.members] == [0, 5, 2]
    calls = []
    monkeypatch.setattr(
        Step, "__call__", lambda self, step: (calls.append((step, len(self.learners))), STEP(self, step))
    )
    together.finish()
    assert calls == [*((step, 1) for step in (0, 1)), *((step, 2) for step in (2, 3, 4)), (5, 3), (6, 3), (7, 3)]
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
