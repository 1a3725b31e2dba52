"""Learners of this package: a denoiser in front of a frozen task network, and a task network by itself."""

from collections.abc import Sequence

import torch

from redenoise.joint.losses import Weights, cross_entropy, joint_loss
from redenoise.models.recognizers import TaskNetwork
from redenoise.training.schedule import Schedule
from redenoise.training.step import Learner, centre


class JointLearner(Learner):
    """A denoiser trained by the joint loss (Liu et al. 2020, section III-B); the task network stays as it is.

    Args:
        task: weights and statistics of normalisation are left alone, also where several learners share it, but that a
            layer which computes in bf16 keeps its weights in bf16 from then on.
        weights: of the three losses.
        network, sigma_range, schedule, mode, device: see `Learner`.
    """

    WATCHED = ("mean squared error", "perceptual loss", "cross-entropy")

    def __init__(
        self,
        network: torch.nn.Module,
        sigma_range: Sequence[float],
        schedule: Schedule,
        mode: str,
        device: torch.device,
        task: TaskNetwork,
        weights: Weights,
    ) -> None:
        super().__init__(network, sigma_range, schedule, mode, device)
        self.task = task.to(device).to(memory_format=self.layout).eval().requires_grad_(False)
        for layer in self.task.modules() if self.halved else ():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                layer.register_forward_pre_hook(cast_once)
        self.weights = weights

    def losses(self, *batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The joint loss of a batch of `LabelledPatches.draw`, and the values of `WATCHED`."""
        *patches, labels = batch
        clean, noisy, sigma = self.examples(*patches)
        output = self.restored(noisy, sigma)
        with self.autocast():
            return joint_loss(self.task, self.weights, output, centre(clean, output), centre_labels(labels, output))

    def report(self, means: list[float]) -> str:
        """What the log says of the means of `WATCHED`."""
        parts = [super().report(means)]
        parts += [f"perceptual loss {means[1]:.4f}"] if self.weights.perceptual else []
        parts += [f"cross-entropy {means[2]:.4f}"] if self.weights.high_level else []
        return ", ".join(parts)


class TaskLearner(Learner):
    """A task network trained on clean images by its cross-entropy."""

    network: TaskNetwork
    WATCHED = ("cross-entropy",)
    WORST = 1e4

    def losses(self, *batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The cross-entropy of a batch of `LabelledPatches.draw`, whose noise is not used."""
        clean, _, _, labels = batch
        with self.autocast():
            _, scores = self.network.run(clean.contiguous(memory_format=self.layout))
        loss = cross_entropy(scores.float(), labels, self.network.stride, self.schedule.smoothing)
        return loss, loss.unsqueeze(0)

    def measured(self, means: list[float]) -> float:
        """The cross-entropy."""
        return means[0]

    def report(self, means: list[float]) -> str:
        """What the log says of it."""
        return f"cross-entropy {means[0]:.4f}"


def cast_once(layer: torch.nn.Module, images: tuple[torch.Tensor, ...]) -> None:
    """Leave a frozen layer the values that autocast would make of its weights anew at every use, where it does."""
    if torch.is_autocast_enabled(images[0].device.type):
        layer.to(torch.bfloat16)


def centre_labels(labels: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """The labels of the part of the images that a denoiser without padding estimates; classes of images as they are."""
    return labels if labels.ndim == 1 else centre(labels, output)
