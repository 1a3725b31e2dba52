"""The joint loss of Liu et al. 2020, equations 1 to 3, and the cross-entropy that a task network is trained with."""

from dataclasses import dataclass

import torch
from torch import nn

from redenoise.data.labelled import IGNORED
from redenoise.models.recognizers import TaskNetwork


@dataclass(frozen=True)
class Weights:
    """Weights of the three losses.

    Attributes:
        reconstruction: of the mean squared error, over all pixels and channels.
        range: in which that error is taken, 1 for [0, 1] or 255 for [0, 255]. The papers do not print it.
        perceptual: lambda_P, of the mean squared difference of features. Equation 2 sums over the channels; here the
            mean is taken over them too, so that the weight does not depend on how wide the task network is.
        high_level: lambda_H, of the cross-entropy.
    """

    reconstruction: float
    range: int
    perceptual: float
    high_level: float


def joint_loss(
    task: TaskNetwork, weights: Weights, output: torch.Tensor, clean: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Equation 3.

    Args:
        task: a frozen network of redenoise/models/recognizers in evaluation mode.
        output, clean: (N, 3, H, W), RGB on the [0, 1] scale; the output carries the gradient.
        labels: (N,) classes of images, or (N, H, W) of pixels.

    Returns:
        The loss, and (3,) without a graph: mean squared error in the [0, 1] range, perceptual loss, cross-entropy.
        The last two are 0 where their weight is.
    """
    error = nn.functional.mse_loss(output, clean)
    perceptual = high_level = torch.zeros_like(error)
    if weights.high_level:
        features, scores = task.run(output)
        high_level = cross_entropy(scores.float(), labels, task.stride)
    elif weights.perceptual:
        features = task.features(output)
    if weights.perceptual:
        with torch.no_grad():  # no activation of this pass is kept
            wanted = task.features(clean)
        perceptual = nn.functional.mse_loss(features.float(), wanted.float())
    loss = weights.reconstruction * weights.range**2 * error
    loss = loss + weights.perceptual * perceptual + weights.high_level * high_level
    return loss, torch.stack((error, perceptual, high_level)).detach()


def cross_entropy(scores: torch.Tensor, labels: torch.Tensor, stride: int, smoothing: float = 0.0) -> torch.Tensor:
    """Mean cross-entropy of classes; pixels of class 255 do not count.

    Args:
        scores: (N, classes), or (N, classes, h, w) at the network's own resolution.
        labels: (N,), or (N, H, W), of which every `stride`-th pixel is taken (every eighth for DeepLab-LargeFOV, as
            released).
        smoothing: share of each label that is spread evenly over all classes.
    """
    if scores.ndim == 2:
        return nn.functional.cross_entropy(scores, labels, label_smoothing=smoothing)
    labels = labels[..., ::stride, ::stride]
    counted = (labels != IGNORED).sum().clamp(min=1)  # the loss is 0 and not NaN where no pixel has a class
    total = nn.functional.cross_entropy(
        scores, labels, ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing
    )
    return total / counted
