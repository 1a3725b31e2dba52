"""DeepLab-LargeFOV on the trunk of EfficientNet-Lite0: semantic segmentation where VGG-16 is too large, or not at hand.

Source: Chen, Papandreou, Kokkinos, Murphy, Yuille, "Semantic Image Segmentation with Deep Convolutional Nets and Fully
Connected CRFs", ICLR 2015, for what stands behind the trunk: a dilated 3x3 convolution with a large field of view, a
1x1 convolution, and the classes; and for the trunk, whose last strides become dilation. Without the CRF.

Deviations:
    - The trunk is that of EfficientNet-Lite0 (efficientnet_trunk.py) and not that of VGG-16; its convolutions are
      centred, so that the score in row i and column j belongs to the pixel in row 8i and column 8j.
    - The two layers in front of the classes are narrower, and normalised.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from redenoise.models.recognizers.base import TaskNetwork, check_options
from redenoise.models.recognizers.deeplab import enlarged
from redenoise.models.recognizers.efficientnet_trunk import EPSILON, Trunk, initialise


class LargeFOVLite(TaskNetwork):
    """EfficientNet-Lite0's stages at 1/8 of the resolution, a dilated 3x3 convolution, and two 1x1 convolutions.

    Its trunk has the names of the classifier's, so that weights of that one load into this one.

    Args:
        classes: number of classes.
        multiplier: of the trunk's channels.
        dilated: strides of 2, from the last one back, that become dilation; 2 give scores at 1/8 of the resolution.
        head: channels of the two hidden convolutions fc6 and fc7.
        dilation: of fc6; 12 gives the large field of view.
        dropout: probability of dropping a value behind fc6 and fc7 in training mode.
        features_after: number of the stage, from 1, whose result are the perceptual features.
    """

    kind = "segmentation"
    features: Trunk

    def __init__(
        self,
        classes: int = 11,
        multiplier: float = 1.0,
        dilated: int = 2,
        head: int = 256,
        dilation: int = 12,
        dropout: float = 0.1,
        features_after: int = 2,
    ) -> None:
        super().__init__()
        check_options(head=(head >= 1, "1 or more"), dilation=(dilation >= 1, "1 or more"))
        self.classes = classes
        self.features = Trunk(multiplier, dilated, True, features_after, smallest=1)
        self.stride = self.features.stride
        before = self.features.out_channels
        self.fc6 = nn.Conv2d(before, head, 3, padding=dilation, dilation=dilation, bias=False)
        self.fc7 = nn.Conv2d(head, head, 1, bias=False)
        self.normalisations = nn.ModuleList(nn.BatchNorm2d(head, eps=EPSILON) for _ in range(2))
        self.fc8 = nn.Conv2d(head, classes, 1)
        self.dropout = nn.Dropout(dropout)
        initialise(self)

    def run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (N, 3, H, W), RGB, [0, 1] scale, to features (N, F, h, w) and logits.

        Logits are (N, classes, H / stride, W / stride), both quotients rounded up. Any size of 1 pixel or more will do.
        """
        features = self.features(images)
        maps = self.features.rest(features)
        for layer, normalisation in zip((self.fc6, self.fc7), self.normalisations, strict=True):
            maps = self.dropout(F.relu(normalisation(layer(maps))))
        return features, self.fc8(maps)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, classes, H, W), bilinear between the scores of `run`."""
        return enlarged(self.run(images)[1], self.stride)[..., : images.shape[-2], : images.shape[-1]]


def build(**options: Any) -> LargeFOVLite:
    """A `LargeFOVLite` with the given options."""
    return LargeFOVLite(**options)
