"""Networks of the high-level tasks: `python -m stages.cascade.task [--scale SCALE] [--only KEY]`.

Output: `build/<scale>/tasks/<key>/model.safetensors`. On real data the weights that the task names are taken as they
are; a task that names none, and a scale without real data, trains on the labelled images.
"""

from pathlib import Path
from typing import Any

import torch

from stages import tasks
from stages.cascade.learner import TaskLearner
from stages.cascade.sources import start_from, trained_network
from stages.cascade.training import Training
from stages.common import config, paths, provenance
from stages.common.errors import Unavailable, run_cli
from stages.common.files import renewed, sha256_path
from stages.common.indexed import unavailable_reason, write_unavailable
from stages.networks.weights import save_network
from stages.tasks.stored import task_spec
from stages.train.family import describe, write_curve
from stages.train.run import CHECKPOINT_SECONDS, Member

NO_START = "leakage.json"  # the value of `start` for a training that begins with random weights


def task(settings: config.Config, key: str) -> None:
    """Make the network of one task."""
    entry = settings.entry("task", key)
    data, target = paths.labelled(settings.scale, entry["data"]), paths.task(settings.scale, key)
    start = paths.build(settings.scale) / entry["start"]
    training = None
    with provenance.recorded(settings, "task", key, [data, start], [target]) as record, renewed(target) as new:
        try:
            if settings.settings["real_data"] and ("weights" in entry or "weights" in entry["network"]):
                record["card"] = imported(settings, key, new)
            elif reason := unavailable_reason(data) or unavailable_reason(start) or _does_not_train(settings):
                raise Unavailable(reason)
            else:
                training = Training(settings, "task", key)
                record["card"] = trained(training, new)
                record |= {"device": training.device_name, "mode": training.mode}
        except Unavailable as error:
            write_unavailable(new, str(error))
            record["unavailable"] = str(error)
    if training:
        training.clean_up()


def imported(settings: config.Config, key: str, folder: Path) -> dict[str, Any]:
    """Take up the weights that the task names; returns where they come from."""
    spec, downloads = task_spec(settings, key), settings.settings["labelled_downloads"]
    if "weights" in spec:
        network = tasks.build({**spec, "fetch": downloads})
        origin = f"weights {spec['weights']} of torchvision's {spec.get('model')}"
    else:
        network, origin = trained_network(spec, settings.entry("task", key)["weights"], downloads)
    save_network(folder / "model.safetensors", network.eval(), tasks.stored_spec(spec), origin)
    return {"origin": origin}


def trained(training: Training, folder: Path) -> dict[str, Any]:
    """Train the network of a task; returns how."""
    settings, key, entry = training.settings, training.key, training.entry
    spec = task_spec(settings, key)
    torch.manual_seed(training.seed)  # of the initial weights
    network = tasks.build(spec)
    started = ""
    if entry["start"] != NO_START:
        started = start_from(network, paths.build(settings.scale) / entry["start"])
    source = Path(tasks.__file__).parent / f"{spec['name']}.py"
    learner = TaskLearner(network, (0.0, 0.0), training.schedule, training.mode, training.device)
    start = sha256_path(paths.build(settings.scale) / entry["start"]) if started else ""
    member_key = training.key_of(spec, [0, 0], [source], start=start)
    member = Member("model", learner, training.checkpoints / "model.safetensors", member_key)
    training.run([member], CHECKPOINT_SECONDS)
    card = describe(member.key, member.history, member.step)
    save_network(folder / "model.safetensors", learner.result.eval(), spec, card["origin"])
    write_curve(folder / "model.curve.csv", card["curve"])
    return {**card, "start": started}


def _does_not_train(settings: config.Config) -> str | None:
    return None if settings.settings["tasks"] else f"scale {settings.scale} does not train networks of tasks"


def main() -> None:
    """Command line of the stage."""
    config.for_each_node("task", "Train or import the networks of the high-level tasks.", task, command="cascade.task")


if __name__ == "__main__":
    run_cli(main)
