"""What every network of a high-level task offers to the cascades and to the evaluation."""

from collections.abc import Callable

import torch
from torch import nn


class TaskNetwork(nn.Module):
    """A classifier or a segmentation network that also gives its perceptual features.

    Source: Liu et al., IEEE TIP 2020, section III-B and figure 2.

    Images are float (N, 3, H, W), RGB, on the [0, 1] scale. What a network does to them first (means, scale, order of
    the channels) is part of it, so that gradients with respect to the images are those on the [0, 1] scale.

    Attributes:
        kind: `classification` or `segmentation`.
        classes: number of classes.
        stride: of a segmentation network: the score in row i and column j belongs to the pixel in row stride * i and
            column stride * j, so that `labels[..., ::stride, ::stride]` are the labels of the scores.
        features: images to perceptual features (N, F, h, w), without computing what lies behind them. A method, or a
            submodule that is called like one.
    """

    kind: str
    classes: int
    stride: int = 1
    features: Callable[[torch.Tensor], torch.Tensor]

    def run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Perceptual features and scores of `images` in one pass.

        Returns:
            Features (N, F, h, w), as `features` gives them, and logits: (N, classes) of a classifier,
            (N, classes, h', w') of a segmentation network, with h' = ceil(H / stride) and w' = ceil(W / stride).
        """
        raise NotImplementedError

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes) of a classifier, (N, classes, H, W) of a segmentation network."""
        return self.run(images)[1]


def check_options(**options: tuple[bool, str]) -> None:
    """Raise `TypeError`, which `build` turns into one line, for the first option that does not fit.

    Args:
        options: whether the option of this name fits, and what is allowed.
    """
    for name, (fits, allowed) in options.items():
        if not fits:
            raise TypeError(f"option {name} is out of range; allowed: {allowed}")
