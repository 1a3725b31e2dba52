"""DeepLab-LargeFOV: semantic segmentation by VGG-16 with dilated convolutions.

Source: Chen, Papandreou, Kokkinos, Murphy, Yuille, "Semantic Image Segmentation with Deep Convolutional Nets and Fully
Connected CRFs", ICLR 2015, and its released definition (20,505,429 parameters): the segmentation network of Liu et al.,
IEEE TIP 2020, section IV-B. Without the CRF, as there.

The poolings are 3x3 with a padding of 1, so that the score in row i and column j belongs to the pixel in row 8i and
column 8j. `forward` therefore interpolates between these pixels (`align_corners`, as the released code does for sides
of 8k + 1 pixels, the published 321 and 513 among them), and repeats the last scores beyond the last of them.

Deviations:
    - Caffe rounds the size of a pooled map up: where a side is even, it has one row more, which belongs to pixels
      outside the image. Here it is rounded down. Sides of 8k + 1 pixels give the same maps either way.
    - Initialisation follows He et al., ICCV 2015, where no weights are loaded; the last convolution as released.
    - The first `strided` poolings stride by 2, the published three or fewer; the others stride by 1, and the
      convolutions behind them are dilated by 2, as conv5 is.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from redenoise.models.recognizers.base import TaskNetwork, check_options
from redenoise.models.recognizers.trunk import Trunk, initialise


class LargeFOV(TaskNetwork):
    """VGG's convolutions at 1/8 of the resolution as published, a dilated 3x3 convolution, and two 1x1 convolutions.

    Its trunk has the names of VGG's, so that weights of one load into the other.

    Args:
        classes: number of classes, the background included.
        blocks: convolutions of each block.
        strided: poolings that stride by 2; 3 give scores at 1/8 of the resolution.
        width: channels of the first block; they double per block, up to 8 times the first.
        head: channels of the two hidden convolutions fc6 and fc7.
        dilation: of fc6; 12 gives the large field of view.
        batch_norm: normalise every convolution of the blocks.
        dropout: probability of dropping a value behind fc6 and fc7 in training mode.
        preprocessing: `torchvision` (its mean and standard deviation), `caffe` (BGR, range [0, 255], means 104, 117,
            123 subtracted: the released definition), or `plain` ((x - 0.5) * 4: for small networks).
        features_after: number of the block, from 1, whose last ReLU gives the perceptual features (3: relu3_3).
    """

    kind = "segmentation"
    features: Trunk

    def __init__(
        self,
        classes: int = 21,
        blocks: Sequence[int] = (2, 2, 3, 3, 3),
        strided: int = 3,
        width: int = 64,
        head: int = 1024,
        dilation: int = 12,
        batch_norm: bool = False,
        dropout: float = 0.5,
        preprocessing: str = "caffe",
        features_after: int = 3,
    ) -> None:
        super().__init__()
        check_options(
            strided=(0 <= strided <= len(blocks), f"0 to the number of blocks, {len(blocks)}"),
            dilation=(dilation >= 1, "1 or more"),
        )
        numbers = range(1, len(blocks) + 1)
        pools: list[nn.Module] = [nn.MaxPool2d(3, stride=2 if n <= strided else 1, padding=1) for n in numbers]
        pools[-1] = nn.Sequential(pools[-1], nn.AvgPool2d(3, stride=1, padding=1))
        dilations = [1 if n <= strided + 1 else 2 for n in numbers]
        self.classes, self.stride = classes, 2**strided
        self.features = Trunk(blocks, width, pools, dilations, batch_norm, preprocessing, features_after, smallest=1)
        self.fc6 = nn.Conv2d(self.features.out_channels, head, 3, padding=dilation, dilation=dilation)
        self.fc7 = nn.Conv2d(head, head, 1)
        self.fc8 = nn.Conv2d(head, classes, 1)
        self.dropout = nn.Dropout(dropout)
        initialise(self, self.fc8)

    def run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (N, 3, H, W), RGB, [0, 1] scale, to features (N, F, h, w) and logits.

        Logits are (N, classes, H / stride, W / stride), both quotients rounded up. Any size of 1 pixel or more will do.
        """
        features = self.features(images)
        maps = self.features.rest(features)
        for layer in (self.fc6, self.fc7):
            maps = self.dropout(F.relu(layer(maps)))
        return features, self.fc8(maps)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes, H, W), bilinear between the scores of `run`."""
        return enlarged(self.run(images)[1], self.stride)[..., : images.shape[-2], : images.shape[-1]]


def build(**options: Any) -> LargeFOV:
    """A `LargeFOV` with the given options."""
    return LargeFOV(**options)


def enlarged(scores: torch.Tensor, factor: int) -> torch.Tensor:
    """(N, C, h, w) to (N, C, factor * h + 1, factor * w + 1): a score every `factor` pixels, the last ones repeated."""
    for axis in (-2, -1):
        last = scores.narrow(axis, scores.shape[axis] - 1, 1)
        scores = torch.cat((scores, last), dim=axis)
    size = [factor * (side - 1) + 1 for side in scores.shape[-2:]]
    return F.interpolate(scores, size, mode="bilinear", align_corners=True)
