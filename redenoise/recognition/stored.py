"""The network of a task at one scale: how it is described, and the one that its node has made."""

from typing import Any

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.models import recognizers
from redenoise.models.weights import load_network
from redenoise.support.errors import UserError


def task_spec(config: Config, key: str) -> dict[str, Any]:
    """The spec of a task's network at this scale."""
    return config.network(config.entry("task", key))


def load_task(config: Config, key: str) -> recognizers.TaskNetwork:
    """The network of a task that its node has made, in evaluation mode; `UserError` if it is of the other kind."""
    path = paths.task(config.scale, key) / "model.safetensors"
    network, _ = load_network(path, build=recognizers.build)
    wanted = config.params["labelled"][config.entry("task", key)["data"]]["task"]
    if network.kind != wanted:
        line = f"{path}: a network for {network.kind}, but tasks.{key}.data is a set for {wanted}"
        raise UserError(f"{line}; correct the task's network in params.yaml")
    return network
