"""Networks of the high-level tasks: `python -m stages.task [--scale SCALE] [--only KEY]`.

Output: `build/<scale>/tasks/<key>/model.safetensors`. On real data the weights that the task names are taken as they
are; a task that names none, and a scale without real data, trains on the labelled images.
"""

from pathlib import Path
from typing import Any

import torch

from redenoise.dag import paths, provenance
from redenoise.dag.code import note_code
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason, write_unavailable
from redenoise.joint.learner import TaskLearner
from redenoise.joint.training import LabelledTraining
from redenoise.models import recognizers
from redenoise.models.weights import save_network
from redenoise.recognition.stored import task_spec
from redenoise.support.errors import Unavailable
from redenoise.support.files import renewed, sha256_path
from redenoise.training.card import describe, write_curve
from redenoise.training.run import Member
from stages.task.sources import downloaded_network, released_network, start_from, trained_network


def run(config: Config, key: str) -> None:
    """Make the network of one task."""
    entry = config.entry("task", key)
    data, target = paths.labelled(config.scale, entry["data"]), paths.task(config.scale, key)
    start = paths.build(config.scale) / entry["start"]
    training = None
    with provenance.recorded(config, "task", key) as record, renewed(target) as new:
        try:
            if config.settings["published_weights"] and "published" in entry:
                record["card"] = released(config, key, new)
            elif config.settings["real_data"] and ("weights" in entry or "weights" in entry["network"]):
                record["card"] = imported(config, key, new)
            elif reason := unavailable_reason(data) or unavailable_reason(start):
                raise Unavailable(reason)
            elif not config.settings["tasks"]:
                raise Unavailable(f"scale {config.scale} does not train networks of tasks")
            else:
                training = TaskTraining(config, "task", key)
                record["card"] = trained(training, new)
                record |= training.facts
        except Unavailable as error:
            write_unavailable(new, str(error))
            record["unavailable"] = str(error)
        else:
            note_code(new, recognizers.source(entry["network"]["name"]))
    if training:
        training.keep_results()


def imported(config: Config, key: str, folder: Path) -> dict[str, Any]:
    """Take up the weights that the task names; returns where they come from."""
    spec, downloads = task_spec(config, key), config.settings["labelled_downloads"]
    entry = config.entry("task", key)
    if entry["start"].startswith("data/"):
        source = paths.build(config.scale) / entry["start"]
        if reason := unavailable_reason(source):
            raise Unavailable(reason)
        network, origin = downloaded_network(spec, entry["weights"], source)
    elif "weights" in spec:
        network = recognizers.build({**spec, "fetch": downloads})
        origin = f"weights {spec['weights']} of torchvision's {spec.get('model')}"
    else:
        network, origin = trained_network(spec, entry["weights"], downloads)
    save_network(folder / "model.safetensors", network.eval(), recognizers.stored_spec(spec), origin)
    return {"origin": origin}


def released(config: Config, key: str, folder: Path) -> dict[str, Any]:
    """Take up the network that this project released; returns its card."""
    spec, name = task_spec(config, key), config.entry("task", key)["published"]["model"]
    network, card = released_network(spec, name, paths.data(config.scale, paths.RELEASED))
    save_network(folder / "model.safetensors", network, recognizers.stored_spec(spec), card["origin"])
    return card


class TaskTraining(LabelledTraining):
    """The training of the network of one task; `started` says what it starts from, empty for random weights."""

    started = ""

    def member(self, model: str, sigma_range: list[float]) -> Member:
        """The network of the task."""
        spec = task_spec(self.config, self.key)
        torch.manual_seed(self.seed)  # of the initial weights
        network, start = recognizers.build(spec), paths.build(self.config.scale) / self.entry["start"]
        if start != paths.no_weights(self.config.scale):
            self.started = start_from(network, start)
        learner = TaskLearner(network, sigma_range, self.schedule, self.mode, self.device)
        began = sha256_path(start) if self.started else ""
        key = self.labelled_key(spec, sigma_range, [recognizers.source(spec["name"])], start=began)
        return Member(model, learner, self.checkpoints / f"{model}.safetensors", key)


def trained(training: TaskTraining, folder: Path) -> dict[str, Any]:
    """Train the network of a task; returns how."""
    member = training.member("model", [0, 0])
    training.members = [member]
    training.finish(*training.images())
    card = describe(member.key, member.history, member.step)
    save_network(folder / "model.safetensors", member.learner.result.eval(), member.key["network"], card["origin"])
    write_curve(folder / "model.curve.csv", card["curve"])
    return {**card, "start": training.started}
