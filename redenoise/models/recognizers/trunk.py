"""The convolutional part of VGG, which `vgg.py` and `deeplab.py` share."""

from collections.abc import Sequence

import torch
from torch import nn

from redenoise.models.recognizers.base import check_options
from redenoise.support.errors import UserError

# Mean and standard deviation by channel (RGB, [0, 1] scale) that the images are normalised with.
PREPROCESSING = {
    "torchvision": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": ((123 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3),  # and then RGB becomes BGR
    "plain": ((0.5,) * 3, (0.25,) * 3),  # natural images have about unit variance then
}
WIDEST = 8  # the width doubles per block up to this many times the first one


class Trunk(nn.Sequential):
    """Blocks of 3x3 convolutions with ReLU, each block followed by a pooling; called with images it gives features.

    Its layers are numbered as in torchvision's VGG, so that a network which stores it under the name `features` has
    that network's names of tensors.

    Args:
        blocks: convolutions of each block.
        width: channels of the first block; they double per block, up to 8 times the first.
        pools: the pooling after each block.
        dilations: of the convolutions of each block, which are padded by as much.
        batch_norm: normalise every convolution, before its ReLU.
        preprocessing: a key of `PREPROCESSING`; `caffe` gives the convolutions BGR in the range [0, 255] without the
            means 104, 117, 123 of the released definitions.
        features_after: number of the block, counted from 1, whose last ReLU gives the features; 3 is relu3_3 of VGG-16.
        smallest: least height and width of an image in pixels.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        blocks: Sequence[int],
        width: int,
        pools: Sequence[nn.Module],
        dilations: Sequence[int],
        batch_norm: bool,
        preprocessing: str,
        features_after: int,
        smallest: int,
    ) -> None:
        check_options(
            blocks=(len(blocks) > 0 and min(blocks) > 0, "a list of numbers of convolutions, 1 or more each"),
            preprocessing=(preprocessing in PREPROCESSING, ", ".join(PREPROCESSING)),
            features_after=(1 <= features_after <= len(blocks), f"1 to the number of blocks, {len(blocks)}"),
        )
        layers: list[nn.Module] = []
        end, before = 0, 3
        for block, (count, pool, dilation) in enumerate(zip(blocks, pools, dilations, strict=True)):
            after = width * min(2**block, WIDEST)
            for _ in range(count):
                layers.append(nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation))
                layers += [nn.BatchNorm2d(after)] if batch_norm else []
                layers.append(nn.ReLU(inplace=True))
                before = after
            end = len(layers) if block + 1 == features_after else end
            layers.append(pool)
        super().__init__(*layers)
        self.out_channels, self.smallest, self.end = before, smallest, end
        self.bgr = preprocessing == "caffe"
        for name, values in zip(("mean", "std"), PREPROCESSING[preprocessing], strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, H, W), RGB, [0, 1] scale, to features (N, F, h, w).

        Raises:
            UserError: the images are too small for the number of poolings.
        """
        height, width = images.shape[-2:]
        if min(height, width) < self.smallest:
            line = f"images of {height}x{width} pixels, the task network needs {self.smallest}x{self.smallest}"
            raise UserError(f"{line}; use larger ones, or fewer `blocks` under tasks in params.yaml")
        normalised = (images - self.mean) / self.std
        return self._through(normalised.flip(1) if self.bgr else normalised, 0, self.end)

    def rest(self, features: torch.Tensor) -> torch.Tensor:
        """Features of `forward` to the output of the last pooling, (N, out_channels, h, w)."""
        return self._through(features, self.end, len(self))

    def _through(self, maps: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        for layer in list(self)[start:stop]:
            maps = layer(maps)
        return maps


def initialise(network: nn.Module, last: nn.Module) -> None:
    """He et al., ICCV 2015, for every convolution and linear layer; a standard deviation of 0.01 for the `last`."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            assert module.bias is not None, "no layer of these networks is made without"
            nn.init.zeros_(module.bias)
    assert isinstance(last, nn.Conv2d | nn.Linear)
    nn.init.normal_(last.weight, std=0.01)
