"""What the two trainings of this package share: config put into a run, and where its state is kept."""

import json
import shutil
from pathlib import Path
from typing import Any

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.table import SECTIONS
from redenoise.data.labelled import read_labelled
from redenoise.joint.patches import LabelledPatches
from redenoise.measure.torch_mode import device, device_name, set_mode
from redenoise.recognition.stored import task_spec
from redenoise.training.run import Member, Run
from redenoise.training.schedule import schedule_for
from stages.train.family import training_key

READERS = 8  # threads that read images ahead of the device
# The code that the numbers of a training depend on, besides the networks'.
DETERMINING = ("cascade/learner.py", "cascade/losses.py", "cascade/patches.py", "train/schedule.py", "train/step.py")


class Training:
    """A training on labelled images: of a task network, or of a family of denoisers in front of one.

    Args:
        config: the configuration.
        stage: `task` or `cascade`.
        key: name of the node.
    """

    def __init__(self, config: Config, stage: str, key: str) -> None:
        self.config, self.stage, self.key = config, stage, key
        self.entry = config.entry(stage, key)
        override = config.settings[SECTIONS[stage]]
        self.mode, self.seed = override["mode"], config.params["seed"]
        self.schedule_name, self.schedule = schedule_for(config.params, override, self.entry)
        self.device = device()
        set_mode(self.mode, config.settings["threads"])

    @property
    def device_name(self) -> str:
        """The processor or GPU that trains."""
        return device_name(self.device)

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints, outside the declared outputs."""
        return paths.checkpoints(self.config.scale, f"{self.stage}-{self.key}")

    def clean_up(self) -> None:
        """Remove the checkpoints of a node whose weights are stored."""
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def patches(self) -> LabelledPatches:
        """Crops of the training images, as the task's entry wants them."""
        task = self.config.entry("task", self.entry.get("task", self.key))
        real = self.config.settings["real_data"]
        return LabelledPatches(
            read_labelled(paths.labelled(self.config.scale, self.entry["data"])),
            task_spec(self.config, self.entry.get("task", self.key))["classes"],
            self.schedule.patch,
            task.get("resize") if real else None,
            self.schedule.batch,
            self.device,
            self.key,
            READERS if real else 0,
        )

    def run(self, members: list[Member], checkpoint_seconds: float) -> None:
        """Train every member to the schedule's end; see `Run.finish` for what can go wrong."""
        run = Run(self.key, members, self.patches(), None, self.schedule, self.seed, checkpoint_seconds)
        for member in members:
            member.history["device"] = self.device_name
        run.finish()

    def key_of(self, network: dict, sigma_range: list, sources: list[Path], **more: Any) -> dict[str, Any]:
        """Everything of the configuration, data and code that the numbers of a training depend on.

        Args:
            network: the spec of the network that is trained.
            sources: its file and those of other networks that take part.
            more: JSON values.
        """
        root = Path(__file__).parents[1]
        code = [*(root / name for name in DETERMINING), *sources]
        data = paths.labelled(self.config.scale, self.entry["data"])
        return {**training_key(self, network, sigma_range, data, code), **json.loads(json.dumps(more))}
