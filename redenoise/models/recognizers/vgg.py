"""VGG: image classification by 3x3 convolutions.

Source: Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, table 1,
configuration D (VGG-16, 138,357,544 parameters): the classifier of Liu et al., IEEE TIP 2020, section IV-B.

Names of the tensors are those of torchvision's `vgg16`, or `vgg16_bn` with `batch_norm`, so that its weights load as
they are. Deviations:
    - As in torchvision, the last feature maps are averaged down to `pooled` x `pooled`; images of 224x224 pixels, the
      published size, are not changed by that.
    - Initialisation follows He et al., ICCV 2015: the published way, from a trained network of fewer layers, would
      need two trainings. Batch normalisation is an option for small networks that are trained here.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from redenoise.models.recognizers.base import TaskNetwork, check_options
from redenoise.models.recognizers.trunk import Trunk, initialise


class VGG(TaskNetwork):
    """Blocks of 3x3 convolutions, a 2x2 max pooling after each, two hidden linear layers, and the classes.

    Args:
        classes: number of classes.
        blocks: convolutions of each block.
        width: channels of the first block; they double per block, up to 8 times the first.
        head: width of the two hidden linear layers.
        pooled: side of the feature maps that the linear layers see.
        batch_norm: normalise every convolution.
        dropout: probability of dropping a unit of the hidden linear layers in training mode.
        preprocessing: `torchvision` (its mean and standard deviation), `caffe` (BGR, range [0, 255], means 104, 117,
            123 subtracted: for weights converted from Caffe), or `plain` ((x - 0.5) * 4: for small networks).
        features_after: number of the block, from 1, whose last ReLU gives the perceptual features (3: relu3_3).
    """

    kind = "classification"
    features: Trunk

    def __init__(
        self,
        classes: int = 1000,
        blocks: Sequence[int] = (2, 2, 3, 3, 3),
        width: int = 64,
        head: int = 4096,
        pooled: int = 7,
        batch_norm: bool = False,
        dropout: float = 0.5,
        preprocessing: str = "torchvision",
        features_after: int = 3,
    ) -> None:
        super().__init__()
        check_options(pooled=(pooled >= 1, "1 or more"))
        depth = len(blocks)
        pools = [nn.MaxPool2d(2) for _ in blocks]
        smallest = 2**depth
        self.classes, self.pooled = classes, pooled
        self.features = Trunk(blocks, width, pools, [1] * depth, batch_norm, preprocessing, features_after, smallest)
        self.classifier = nn.Sequential(
            nn.Linear(self.features.out_channels * pooled**2, head),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(head, head),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(head, classes),
        )
        initialise(self, self.classifier[-1])

    def run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (N, 3, H, W), RGB, [0, 1] scale, to features (N, F, h, w) and logits (N, classes).

        Raises:
            UserError: the images are too small for the number of blocks.
        """
        features = self.features(images)
        maps = _pooled(self.features.rest(features), self.pooled)
        return features, self.classifier(maps.flatten(1))


def build(**options: Any) -> VGG:
    """A `VGG` with the given options."""
    return VGG(**options)


def _pooled(maps: torch.Tensor, side: int) -> torch.Tensor:
    """Average (N, C, h, w) down to (N, C, side, side).

    Where the sides divide, as they do for 224x224, by a plain pooling: on a GPU the gradient of the adaptive one
    depends on the order of its additions, and deterministic mode refuses it.
    """
    height, width = maps.shape[-2:]
    if height % side == 0 and width % side == 0:
        return F.avg_pool2d(maps, (height // side, width // side))
    return F.adaptive_avg_pool2d(maps, side)
