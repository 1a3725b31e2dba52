"""The train stage, interrupted: signals, kill -9, changes of the configuration, data out of reach, single models."""

import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from safetensors import safe_open

from redenoise import instructions
from redenoise.dag import paths, provenance
from redenoise.dag.command_line import _main
from redenoise.dag.config import Config
from redenoise.models.weights import load_network
from redenoise.support.errors import Stopped, UserError
from redenoise.training.step import Step
from stages.train.__main__ import options as train_options
from stages.train.node import run as train
from tests.conftest import ROOT
from tests.training_project import change_scale, options, small_demo

STEP = Step.__call__


def stop_family(monkeypatch: pytest.MonkeyPatch, config: Config, key: str) -> None:
    """Train a family until a signal comes before its third step."""

    def call(self: Step, step: int) -> None:
        if step == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        STEP(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(Step, "__call__", call)
        with pytest.raises(Stopped, match="stopped by signal 15 after step 3 of 4"):
            train(config, key, options())


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
    until = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < until:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"the process ended with {process.poll()}: {Path('log').read_text()}")


def test_a_training_that_was_stopped_and_killed_ends_in_the_same_bytes(project):
    """The stage as a user starts it: SIGTERM, then kill -9, then to the end, against a run that nothing disturbed."""
    config = small_demo(steps=40, log_every=7)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["families"]["proposed"] |= {"sigmas": [25, 50], "published": {}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    config = replace(config, params={**config.params, "families": params["families"]})
    arguments = ("--only", "proposed", "--checkpoint-seconds", "0")

    process = start(project, *arguments)
    wait_for(process, lambda: steps_done("proposed") > 0)
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == Stopped.code
    log = Path("log").read_text()
    assert "stopped by signal 15 after step" in log and "Traceback" not in log
    stopped = steps_done("proposed")
    assert 0 < stopped < 40
    assert not paths.weights("demo", "proposed").exists()

    process = start(project, *arguments)
    wait_for(process, lambda: steps_done("proposed") > stopped + 1)
    process.kill()
    process.wait(300)
    assert stopped < steps_done("proposed") < 40
    assert f"proposed sigma25: goes on from step {stopped}" in Path("log").read_text()

    train(config, "proposed", options())
    disturbed = weights("proposed")
    # What the kill may have left half-written is hidden, and swept with the report.
    kept = [path.name for path in (paths.build("demo") / "checkpoints" / "proposed").iterdir()]
    assert all(".finished." in name for name in kept if not name.startswith("."))
    train(config, "proposed", options())
    assert weights("proposed") == disturbed
    of_models = [f"sigma{level}.{kind}" for level in (25, 50) for kind in ("curve.csv", "safetensors")]
    assert sorted(disturbed) == ["code.json", *of_models]


def test_a_family_refuses_checkpoints_of_another_schedule_data_or_seed(project, monkeypatch):
    config = small_demo()
    stop_family(monkeypatch, config, "dncnn_b")
    with pytest.raises(UserError, match=r"schedule.learning_rate was 0.005, is 0.01"):
        train(change_scale(training={"learning_rate": 0.01}), "dncnn_b", options())
    with pytest.raises(UserError, match="seed was 0, is 1"):
        train(replace(config, params={**config.params, "seed": 1}), "dncnn_b", options())
    index = paths.data("demo", "train400") / "index.csv"
    index.write_text(index.read_text().replace("test", "train"))
    with pytest.raises(UserError, match="another run: data was .*, is ") as error:
        train(config, "dncnn_b", options())
    assert "schedule" not in str(error.value)


def test_the_precision_of_the_fast_mode_is_told_and_a_checkpoint_keeps_to_it(project, monkeypatch, capsys):
    monkeypatch.setattr(instructions, "multiplies_bf16", lambda: False)
    config = small_demo(mode="fast")
    stop_family(monkeypatch, config, "dncnn_b")
    told = "train dncnn_b: mode fast computes in fp32, this processor has no instructions for bf16\n"
    assert told in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr(instructions, "multiplies_bf16", lambda: True)
        with pytest.raises(UserError, match='mode was "fast, fp32", is "fast, bf16"; delete it'):
            train(config, "dncnn_b", options())
        assert told not in capsys.readouterr().err
    train(config, "dncnn_b", options())
    record = provenance.read(paths.provenance("demo", "train", "dncnn_b"))
    assert record["mode"] == record["models"]["model"]["mode"] == "fast, fp32"
    assert record["models"]["model"]["origin"].endswith("4 of 4 steps, mode fast, fp32")


def test_data_out_of_reach_cost_no_training(project, monkeypatch):
    """The node says why it has no weights; what was trained before waits until the data are back."""
    config = small_demo()
    stop_family(monkeypatch, config, "dncnn_b")
    reason = paths.data("demo", "train400") / "unavailable.txt"
    reason.write_text("Train400 could not be reached")
    train(config, "dncnn_b", options())
    assert weights("dncnn_b") == {"unavailable.txt": b"Train400 could not be reached\n"}
    reason.unlink()
    assert (paths.build("demo") / "checkpoints/dncnn_b/model.safetensors").exists()
    train(config, "dncnn_b", options())
    assert sorted(weights("dncnn_b")) == ["code.json", "model.curve.csv", "model.safetensors"]


def test_stored_weights_name_every_option_of_their_network(project):
    """A default that changes later must not change what weights mean that are already there."""
    train(small_demo(), "proposed", options(model="sigma25"))
    train(small_demo(), "proposed", options())
    network, spec = load_network(paths.weights("demo", "proposed") / "sigma25.safetensors")
    assert set(spec) == {"name", *inspect.signature(type(network)).parameters}
    card = provenance.read(paths.provenance("demo", "train", "proposed"))["models"]["sigma25"]
    assert card["network"] == spec and spec["divisor"] == 16


def test_one_model_alone_is_taken_up_by_its_family(project):
    config = small_demo()
    train(config, "proposed", options())
    expected = weights("proposed")
    shutil.rmtree(paths.checkpoints("demo", "proposed"))
    train(config, "proposed", options(model="sigma35"))
    assert weights("proposed") == expected
    assert [path.name for path in (paths.build("demo") / "checkpoints/proposed").iterdir()] == ["sigma35.safetensors"]
    train(config, "proposed", options())
    assert weights("proposed") == expected
    with pytest.raises(UserError, match="families.proposed has no model 'sigma36'; .*did you mean 'sigma35'"):
        train(config, "proposed", options(model="sigma36"))


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
        _main("train", "", train_options, ("model", "continue_from"))
