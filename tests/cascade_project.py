"""A project cut down to seconds with labelled sets, for the tests of tasks, cascades and recognitions."""

import argparse
import shutil
from pathlib import Path
from typing import Any

import yaml

from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import write_index
from redenoise.support.files import write_text
from stages.cascade.node import run as cascade
from stages.labelled import node as labelled
from stages.task.node import run as task
from stages.train.node import run as train
from tests.training_project import INDEX, make_images, options, shrink

SMALL = {
    "multiscale": {"divisor": 16},
    "vgg": {"classes": 8, "blocks": [1, 1, 1], "width": 4, "head": 8, "pooled": 1, "batch_norm": True},
    "deeplab": {
        **{"classes": 9, "blocks": [1, 1, 1], "strided": 2, "width": 4, "head": 8, "dilation": 2, "batch_norm": True},
        "preprocessing": "torchvision",
    },
}
SHORT = {"mode": "reference", "schedule": "modern", "steps": 3, "batch": 2, "log_every": 2}


def change(scale: str, **changes: Any) -> Config:
    """Replace keys of a scale's file; returns its configuration."""
    path = Path(f"workflow/scales/{scale}.yaml")
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))
    return load_config(scale)


def change_params(**sections: dict[str, dict]) -> None:
    """Replace fields of entries of params.yaml, section to entry to field; None removes one."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    for section, entries in sections.items():
        for key, fields in entries.items():
            params[section][key] = {
                name: value for name, value in {**params[section][key], **fields}.items() if value is not None
            }
    Path("params.yaml").write_text(yaml.safe_dump(params))


def small_project(scale: str = "demo", networks: dict[str, dict] = SMALL, **changes: Any) -> Config:
    """A scale with tiny networks and trainings, and what trainings need besides labelled images."""
    sizes = {"train": 12, "test": 10, "size": 48, "filtered": 3}
    config = {"labelled": sizes, "miniature": True, "part": 4, "threads": 1, "labelled_downloads": False, **changes}
    config |= {
        "tasks": {**SHORT, "patch": 40},
        "cascades": {**SHORT, "patch": 40},
        "training": {**SHORT, "patch": 16},
    }
    shrink(networks)
    found = change(scale, **config)
    make_images("kodak", (40, 36, 3))
    make_images("cbsd432", (48, 48, 3), count=3)
    if scale != "demo":
        shutil.copytree(paths.build("demo"), paths.build(scale), dirs_exist_ok=True)
    for weights in (paths.RELEASED, "efficientnet_weights"):
        write_index(paths.data(scale, weights), INDEX, [])
    for made in (paths.no_weights(scale), paths.checked(scale, "kodak-cbsd432")):
        write_text(made, "")
    return found


def command(**changes: Any) -> argparse.Namespace:
    """Command line of the stage cascade."""
    return argparse.Namespace(**{"model": None, "checkpoint_seconds": 60.0, **changes})


def make_sets(config: Config) -> None:
    for key in config.keys("labelled"):
        labelled.run(config, key)


def make_networks(config: Config, *cascades: str) -> None:
    """Both task networks, the denoisers that cascades start from, and some cascades."""
    for key in config.keys("task"):
        task(config, key)
    train(config, "proposed_tasks", options())
    for key in cascades:
        cascade(config, key, command())
