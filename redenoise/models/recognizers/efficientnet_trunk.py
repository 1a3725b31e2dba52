"""The convolutional part of EfficientNet-Lite0, which `efficientnet.py` and `deeplab_lite.py` share.

Source: Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, table 1, and its
released variant without squeeze-and-excitation and with ReLU6. A block widens its channels, filters each by itself, and
narrows them again (Sandler et al., "MobileNetV2", CVPR 2018, section 3).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import nn

from redenoise.models.recognizers.base import check_options
from redenoise.support.errors import UserError

# Of each stage: blocks, side of the filters, stride of the first block, widening, channels.
STAGES = (
    *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
    *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
)
STEM = 32  # channels
DIVISOR = 8  # of the channels of narrower networks
MEAN, RANGE = 127.0, 128.0  # images are normalised as (v - 127) / 128, with v in [0, 255]
MOMENTUM, EPSILON = 0.01, 1e-3  # of the normalisations


class Filtered(nn.Module):
    """A convolution whose result has as many pixels as its input, divided by the stride and rounded up.

    Args:
        before, after: channels.
        side: of the filter, odd.
        stride, dilation, groups: of the convolution.
        centred: a result belongs to the pixel at its place times the stride, for maps of labels. Otherwise rows and
            columns are added as TensorFlow does, with which the published weights were trained: where the sides are
            even, a stride of 2 looks one pixel further to the right and below.
    """

    def __init__(
        self, before: int, after: int, side: int, stride: int = 1, dilation: int = 1, groups: int = 1,
        centred: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.convolution = nn.Conv2d(before, after, side, stride, dilation=dilation, groups=groups, bias=False)
        self.normalisation = nn.BatchNorm2d(after, eps=EPSILON, momentum=MOMENTUM)
        self.reach, self.stride, self.centred = dilation * (side - 1), stride, centred

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, before, H, W) to (N, after, H / stride, W / stride), normalised; no activation."""
        return self.normalisation(self.convolution(F.pad(maps, self._added(maps.shape))))

    def _added(self, shape: Sequence[int]) -> list[int]:
        """Columns to the left and to the right, rows above and below, that are added."""
        if self.centred:
            return [self.reach // 2] * 4
        pads = []
        for size in (shape[-1], shape[-2]):
            total = max(0, (-(-size // self.stride) - 1) * self.stride + self.reach + 1 - size)
            pads += [total // 2, total - total // 2]
        return pads


class Block(nn.Module):
    """Channels widened, filtered each by itself, and narrowed again; added to the input where the shapes agree."""

    def __init__(
        self, before: int, after: int, side: int, stride: int, widening: int, dilation: int, centred: bool
    ) -> None:
        super().__init__()
        inner = before * widening
        self.widen = Filtered(before, inner, 1) if widening > 1 else None
        self.filter = Filtered(inner, inner, side, stride, dilation, inner, centred)
        self.narrow = Filtered(inner, after, 1)
        self.residual = stride == 1 and before == after

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(N, before, H, W) to (N, after, H / stride, W / stride), both quotients rounded up."""
        wide = maps if self.widen is None else F.relu6(self.widen(maps))
        result = self.narrow(F.relu6(self.filter(wide)))
        return maps + result if self.residual else result


class Trunk(nn.Module):
    """Stem and stages; called with images it gives features.

    Args:
        multiplier: of the channels; 1 for the published network.
        dilated: strides of 2, from the last one back, that become a dilation of all that follows.
        centred: see `Filtered`.
        features_after: number of the stage, from 1, whose result are the features; 2 has the stride of relu3_3, 4.
        smallest: least height and width of an image in pixels.
    """

    def __init__(self, multiplier: float, dilated: int, centred: bool, features_after: int, smallest: int) -> None:
        super().__init__()
        strided = sum(stride > 1 for _, _, stride, _, _ in STAGES)
        check_options(
            multiplier=(0 < multiplier <= 1, "above 0, up to 1"),
            dilated=(0 <= dilated <= strided, f"0 to {strided}"),
            features_after=(1 <= features_after <= len(STAGES), f"1 to {len(STAGES)}"),
        )
        before = narrowed(STEM, multiplier)
        self.stem = Filtered(3, before, 3, stride=2, centred=centred)
        self.stages = nn.ModuleList()
        self.stride, dilation = 2, 1
        for count, side, stride, widening, channels in STAGES:
            strided -= stride > 1
            inside = dilation * stride if strided < dilated else dilation
            kept = stride if strided >= dilated else 1
            after, blocks = narrowed(channels, multiplier), []
            for number in range(count):
                # The first block looks at maps that nothing has thinned out yet.
                first = number == 0
                blocks.append(
                    Block(before, after, side, kept if first else 1, widening, dilation if first else inside, centred)
                )
                before = after
            self.stages.append(nn.Sequential(*blocks))
            self.stride, dilation = self.stride * kept, inside
        self.out_channels, self.end, self.smallest = before, features_after, smallest

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, H, W), RGB, [0, 1] scale, to features (N, F, h, w); `UserError` if they are too small."""
        height, width = images.shape[-2:]
        if min(height, width) < self.smallest:
            line = f"images of {height}x{width} pixels, the task network needs {self.smallest}x{self.smallest}"
            raise UserError(f"{line}; use larger ones")
        with precise(images):
            maps = F.relu6(self.stem((images.float() * 255.0 - MEAN) / RANGE))
            for stage in self.stages[: self.end]:
                maps = stage(maps)
        return maps

    def rest(self, features: torch.Tensor) -> torch.Tensor:
        """Features of `forward` to the result of the last stage, (N, out_channels, h, w)."""
        with precise(features):
            for stage in self.stages[self.end :]:
                features = stage(features)
        return features


def precise(maps: torch.Tensor) -> AbstractContextManager:
    """A block that computes in 32 bits on a CPU, where filters of single channels are several times slower in 16."""
    return nullcontext() if maps.is_cuda else torch.autocast(maps.device.type, enabled=False)


def narrowed(channels: int, multiplier: float) -> int:
    """Channels of a narrower network: a multiple of 8, at least 8."""
    return max(DIVISOR, round(channels * multiplier / DIVISOR) * DIVISOR)


def initialise(network: nn.Module) -> None:
    """He et al., ICCV 2015, for every convolution and linear layer without trained weights."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
