"""The network of a task at one scale: how it is described, and the one that its node has made."""

from typing import Any

from stages import tasks
from stages.common import config, paths
from stages.common.errors import UserError
from stages.networks.weights import load_network


def task_spec(settings: config.Config, key: str) -> dict[str, Any]:
    """The spec of a task's network at this scale."""
    network = settings.entry("task", key)["network"]
    return {**network, **(settings.settings["network"] or {}).get(network["name"], {})}


def load_task(settings: config.Config, key: str) -> tasks.TaskNetwork:
    """The network of a task that its node has made, in evaluation mode; `UserError` if it is of the other kind."""
    path = paths.task(settings.scale, key) / "model.safetensors"
    network, _ = load_network(path, build=tasks.build)
    wanted = settings.params["labelled"][settings.entry("task", key)["data"]]["task"]
    if network.kind != wanted:
        line = f"{path}: a network for {network.kind}, but tasks.{key}.data is a set for {wanted}"
        raise UserError(f"{line}; correct the task's network in params.yaml")
    return network
