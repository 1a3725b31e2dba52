"""The proposed denoiser: an encoder and decoder over several spatial scales that predicts the residual.

Source: Liu, Wen, Jiao, Liu, Wang, Huang, "Connecting Image Denoising and High-Level Vision Tasks via Deep Learning",
IEEE TIP 2020, section III-A, figure 1 and table I; the same network as Liu et al., IJCAI 2018. What the papers leave
out follows the authors' released Caffe definition of the 3-scale network: a 5x5 stem of 64 channels without
normalisation, encoders that downsample with their own 3x3 convolution, 4x4 transposed convolutions to a quarter of the
width, a last 3x3 convolution, no padding at the stem and at the last convolution.

Deviations:
    - 2 and 4 scales were not released. With 2, the one encoder is upsampled to 64 channels and a decoder works at full
      resolution; with 4 and more, every decoder but the one at 1/2 is as wide as the encoder. Of the choices that keep
      the released network at 3 scales these come closest to the printed numbers of parameters, and none meets them.
    - `init` and `input_scale` default to what trains fast: the range [0, 4], in which natural images have about unit
      variance, and PyTorch's initialisation with the last convolution at a tenth of it, so that the first predictions
      have the size of noise and not of an image. Xavier initialisation and [0, 255] are the released choices, and the
      schedule `liu2020` sets them.
    - An image is processed whole. The authors cut it in overlapping blocks of 134 pixels and average the overlaps.
    - Where a feature map has an odd side, the one upsampled to meet it is cropped: the published patches of 48x48 fit 4
      scales only so.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

STEM = 64
MARGIN = 3  # pixels lost on each side: 2 by the 5x5 stem, 1 by the last 3x3 convolution
MEAN_RGB = (123 / 255, 117 / 255, 104 / 255)  # subtracted from the input, as in the released definition (BGR there)


class MultiScale(nn.Module):
    """Stem, encoders at 1/2, 1/4, ..., decoders back up to 1/2 (2 scales: to 1), last convolution, global skip.

    Args:
        channels: 3 for colour (RGB); 1 for gray, whose mean is that of green.
        scales: spatial scales, 2 or more.
        encoder: width of the encoders; their residual blocks are a quarter as wide inside.
        decoder: width of the decoder at the finest of the lower scales.
        skip: add the input to the output, so that the network predicts the residual (section III-A).
        downsampling: `conv` strides the encoder's 3x3 convolution; `pool` puts a 2x2 max pooling before it.
        fusion: `concat` joins the upsampled features with those of the finer scale; `sum` adds them, and the
            transposed convolution then has as many channels as they have.
        border: how an image is extended before the valid convolutions, `reflect` or the `mean` colour.
        init: `default` (PyTorch's, the last convolution at a tenth) or `xavier` (Caffe's: uniform, variance 1/fan-in;
            the stem's biases 0.2, all others 0).
        input_scale: the network works in the range [0, input_scale].
        divisor: divides all widths, for miniature networks.
    """

    def __init__(
        self,
        channels: int = 3,
        scales: int = 3,
        encoder: int = 128,
        decoder: int = 256,
        skip: bool = True,
        downsampling: str = "conv",
        fusion: str = "concat",
        border: str = "reflect",
        init: str = "default",
        input_scale: float = 4.0,
        divisor: int = 1,
    ) -> None:
        super().__init__()
        _check(scales=(scales >= 2, "2 or more"), fusion=(fusion in ("concat", "sum"), "concat or sum"))
        _check(
            downsampling=(downsampling in ("conv", "pool"), "conv or pool"),
            border=(border in ("reflect", "mean"), "reflect or mean"),
            init=(init in ("default", "xavier"), "default or xavier"),
        )
        stem, encoder, decoder = (max(4, width // divisor) for width in (STEM, encoder, decoder))
        self.skip, self.fusion, self.border, self.input_scale = skip, fusion, border, float(input_scale)
        self.stem = nn.Conv2d(channels, stem, 5)
        self.encoders = nn.ModuleList(
            _encoder(stem if level == 0 else encoder, encoder, downsampling) for level in range(scales - 1)
        )
        finer = [stem] + [encoder] * (scales - 2)  # widths of the features at 1, 1/2, ..., without the coarsest
        self.up, self.decoders = nn.ModuleList(), nn.ModuleList()
        width = encoder
        for level in reversed(range(scales - 1)):  # the level that is upsampled to
            out = finer[level] if fusion == "sum" else stem if scales == 2 else width // 4
            self.up.append(nn.ConvTranspose2d(width, out, 4, stride=2, padding=1))
            width = finer[level] if fusion == "sum" else finer[level] + out
            if level > 0 or scales == 2:
                target = decoder if level == 1 or scales == 2 else encoder
                self.decoders.append(_module(width, target, stride=1))
                width = target
        self.last = nn.Conv2d(width, channels, 3)
        mean = torch.tensor(MEAN_RGB if channels == 3 else MEAN_RGB[1:2])
        self.register_buffer("mean", mean.view(1, -1, 1, 1), persistent=False)
        if init == "xavier":
            self._xavier()
        else:
            with torch.no_grad():
                self.last.weight.mul_(0.1)

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor | None = None) -> torch.Tensor:
        """Denoise (N, C, H, W) on the [0, 1] scale; `sigma` is ignored, every network serves one noise level.

        In training mode the output is the valid region alone, (N, C, H - 6, W - 6), for sides of 7 pixels or more. In
        evaluation mode the input is extended first, and the output has its size.
        """
        if self.training:
            return self._valid(noisy)
        if self.border == "reflect":
            return self._valid(_reflect(noisy, MARGIN))
        return self._valid(F.pad(noisy - self.mean, [MARGIN] * 4) + self.mean)

    def _valid(self, noisy: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, C, H - 6, W - 6)."""
        centred = (noisy - self.mean) * self.input_scale
        features = [self.stem(centred)]
        for encoder in self.encoders:
            features.append(encoder(features[-1]))
        current = features.pop()
        for index, up in enumerate(self.up):
            finer = features.pop()
            current = up(current)[..., : finer.shape[-2], : finer.shape[-1]]
            current = current + finer if self.fusion == "sum" else torch.cat((current, finer), dim=1)
            if index < len(self.decoders):
                current = self.decoders[index](current)
        output = self.last(current)
        if self.skip:
            output = output + centred[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
        return output / self.input_scale + self.mean

    def idle_biases(self) -> list[nn.Parameter]:
        """Biases in front of a normalisation, which takes them away again: their gradient is 0 but for rounding."""
        stages = (layers for layers in self.modules() if isinstance(layers, nn.Sequential))
        pairs = [pair for layers in stages for pair in pairwise(layers)]
        return [
            before.bias
            for before, after in pairs
            if isinstance(after, nn.BatchNorm2d) and getattr(before, "bias", None) is not None
        ]

    def _xavier(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                fan_in = module.weight[0].numel()  # Caffe counts the blob's trailing axes, also of a deconvolution
                nn.init.uniform_(module.weight, -((3 / fan_in) ** 0.5), (3 / fan_in) ** 0.5)
                if module.bias is not None:
                    nn.init.constant_(module.bias, 0.2 if module is self.stem else 0.0)


class ResidualBlock(nn.Module):
    """1x1, 3x3, 1x1 convolutions without biases, each normalised; ReLU after the first two and after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(1, width // 4)
        self.layers = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, 3, padding=1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to the same shape."""
        return F.relu(features + self.layers(features))


def build(**options: object) -> MultiScale:
    """A `MultiScale` with the given options."""
    return MultiScale(**options)


def count_parameters(network: nn.Module) -> int:
    """Parameters as table I of Liu et al. 2020 counts them: without the stem and without normalisation."""
    normalised = sum(p.numel() for m in network.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters())
    stem = sum(parameter.numel() for parameter in network.stem.parameters())
    return sum(parameter.numel() for parameter in network.parameters()) - normalised - stem


def _encoder(before: int, width: int, downsampling: str) -> nn.Sequential:
    if downsampling == "pool":
        return nn.Sequential(nn.MaxPool2d(2, ceil_mode=True), *_module(before, width, stride=1))
    return _module(before, width, stride=2)


def _module(before: int, width: int, stride: int) -> nn.Sequential:
    """Figure 1 (b) and (c): a 3x3 convolution, normalisation, ReLU and a residual block."""
    convolution = nn.Conv2d(before, width, 3, stride=stride, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True), ResidualBlock(width))


def _reflect(image: torch.Tensor, margin: int) -> torch.Tensor:
    """Reflection by any number of pixels; an image smaller than the margin is reflected several times."""
    rows, columns = (_mirrored(side, margin, image.device) for side in image.shape[-2:])
    return image.index_select(-2, rows).index_select(-1, columns)


def _mirrored(size: int, margin: int, device: torch.device) -> torch.Tensor:
    """Indices of a mirrored axis, without repeating its first and last element."""
    index = torch.arange(-margin, size + margin, device=device)
    period = max(1, 2 * (size - 1))
    index = index.remainder(period)
    return torch.minimum(index, period - index)


def _check(**options: tuple[bool, str]) -> None:
    for name, (fits, allowed) in options.items():
        if not fits:
            raise TypeError(f"option {name} is out of range; allowed: {allowed}")
