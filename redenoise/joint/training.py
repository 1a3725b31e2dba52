"""What the two trainings on labelled images share: crops of the images, and what the numbers depend on."""

import json
from pathlib import Path
from typing import Any

from redenoise.dag import paths
from redenoise.dag.config import ROOT
from redenoise.data.labelled import read_labelled
from redenoise.joint.patches import LabelledPatches
from redenoise.recognition.stored import task_spec
from redenoise.training.node import Training

READERS = 8  # threads that read images ahead of the device
# The code that the numbers of a training depend on, besides the networks'.
FILES = ("joint/learner.py", "joint/losses.py", "joint/patches.py", "training/schedule.py", "training/step.py")
DETERMINING = [ROOT / "redenoise" / name for name in FILES]


class LabelledTraining(Training):
    """A training on labelled images: of a task network, or of a family of denoisers in front of one."""

    def images(self) -> tuple[LabelledPatches, None]:
        """Crops of the training images, as the task's entry wants them."""
        task = self.entry.get("task", self.key)
        real = self.config.settings["real_data"]
        patches = LabelledPatches(
            read_labelled(paths.labelled(self.config.scale, self.entry["data"])),
            task_spec(self.config, task)["classes"],
            self.schedule.patch,
            self.config.entry("task", task).get("resize") if real else None,
            self.schedule.batch,
            self.device,
            self.key,
            READERS if real else 0,
        )
        return patches, None

    def labelled_key(
        self, network: dict[str, Any], sigma_range: list[float], sources: list[Path], **more: Any
    ) -> dict[str, Any]:
        """`key_of` with the labelled images and the code of this package.

        Args:
            sources: the file of the network and those of other networks that take part.
            more: JSON values.
        """
        data = paths.labelled(self.config.scale, self.entry["data"])
        key = self.key_of(network, sigma_range, data, [*DETERMINING, *sources])
        return {**key, **json.loads(json.dumps(more))}
