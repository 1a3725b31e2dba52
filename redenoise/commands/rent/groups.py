"""What is trained in one go: the groups of workflow/rented.yaml, each put together into trainings."""

from dataclasses import replace
from typing import Any

from redenoise.commands import task_release
from redenoise.commands.rent import GROUPS
from redenoise.dag.config import Config, check, load_config
from redenoise.dag.levels import noise_ranges
from redenoise.support.errors import UserError, choices
from redenoise.support.yaml_files import read_yaml
from redenoise.training.node import SECTIONS, Training
from stages.cascade.training import Cascade
from stages.train.family import Family

Node = tuple[str, str]  # stage and key


def read_group(name: str) -> tuple[Config, list[Node]]:
    """The configuration that a group trains with, and its nodes.

    Raises:
        UserError: there is no such group, or its entry names a scale or a node that is not there or does not train.
    """
    groups = read_yaml(GROUPS)
    check(groups, "rented", GROUPS)
    if name not in groups:
        raise UserError(f"{GROUPS}: no group {name!r}; {choices(name, groups)}")
    group = groups[name]
    config = load_config(group["scale"])
    nodes = [(stage, key) for stage in SECTIONS for key in group.get(stage, [])]
    for stage, key in nodes:
        config.entry(stage, key)
    if config.settings["published_weights"] or not nodes:
        raise UserError(
            f"{GROUPS}: group {name!r} trains nothing at scale {config.scale}; name another scale, or nodes"
        )
    for stage in {stage for stage, _ in nodes}:
        config = changed(config, stage, group.get("training", {}))
    return config, nodes


def changed(config: Config, stage: str, keys: dict[str, Any]) -> Config:
    """A configuration whose scale replaces other keys of the schedules of a stage."""
    section = SECTIONS[stage][0]
    return replace(config, settings={**config.settings, section: {**config.settings[section], **keys}})


def together(config: Config, nodes: list[Node]) -> list[list[Node]]:
    """Nodes whose networks draw the same patches, and so train in one step.

    Families do that have the same images, channels and schedule; a task and a cascade train by themselves.
    """
    found: dict[str, list[Node]] = {}
    for stage, key in nodes:
        entry = config.entry(stage, key)
        names = ("data", "validation", "schedule", "keeps_schedule", "degradation", "levels", "level_range")
        shared = {name: entry.get(name) for name in names} | {"channels": entry.get("network", {}).get("channels")}
        found.setdefault(str(shared) if stage == "train" else f"{stage} {key}", []).append((stage, key))
    return list(found.values())


def make(config: Config, nodes: list[Node]) -> list[Training]:
    """The trainings of some nodes, which have drawn nothing yet."""
    return [_training(config, stage, key) for stage, key in nodes]


def _training(config: Config, stage: str, key: str) -> Training:
    if stage == "task":
        from stages.task.node import TaskTraining  # here: needs torchvision, which other groups do without

        return TaskTraining(config, stage, key)
    return Family(config, key) if stage == "train" else Cascade(config, key)


def ranges(training: Training) -> dict[str, list]:
    """Lowest and highest noise level of each network of a training, by its name; the one of a task sees no noise."""
    return {task_release.MODEL: [0, 0]} if training.stage == "task" else noise_ranges(training.entry)
