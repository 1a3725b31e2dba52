"""Training against more than noise: every image is degraded as a whole at each level, before patches are cut from it.

So a patch has the neighbours that it has in a degraded test image, and the code that degrades is the same.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from redenoise.dag.levels import level_ranges
from redenoise.data.images import read_image
from redenoise.data.luminance import luminance
from redenoise.measure import degradations
from redenoise.measure.noise import noise_field
from redenoise.training.schedule import Schedule
from redenoise.training.step import Learner
from redenoise.training.validation import Validation

FINENESS = 64  # parts of a level that versions are kept to, as int16: from -512 to 512


class Kind(NamedTuple):
    """One way in which patches are degraded, each as likely as any other, and within it each level.

    Attributes:
        low, high: its levels, noise on the [0, 255] scale.
        first: which version of an image has the lowest level; 0, the clean one, where noise is added to that.
    """

    low: int
    high: int
    first: int


def kinds(family: dict[str, Any], low: float) -> list[Kind]:
    """What one network of a family learns to restore: noise of `sigma_range`, if it has that, and its levels.

    Args:
        low: its lowest level, which tells it from others where each has one level.
    """
    found, first = [], 1
    for lowest, highest in level_ranges(family):
        found.append(Kind(lowest, highest, first))
        first += highest - lowest + 1
    if "levels" in family:
        return [kind for kind in found if kind.low == low]
    if "sigma_range" in family:
        least, most = family["sigma_range"]
        return [Kind(least, most, 0), *found]
    return found


class Degrader:
    """Reads the images of one data set for a family, and degrades them.

    Args:
        family: its entry in params.yaml.
        seed, dataset: key of what degradations draw, with an image's id and the level.
    """

    def __init__(self, family: dict[str, Any], seed: int, dataset: str) -> None:
        self.module, self.gray = degradations.load(family["degradation"]), family["network"]["channels"] == 1
        self.levels = [level for low, high in level_ranges(family) for level in range(low, high + 1)]
        self.draw = partial(noise_field, seed=seed, dataset=dataset)

    def clean(self, path: Path) -> np.ndarray:
        """An image, float64 (H, W), the luminance of a colour file, or (H, W, 3), on the [0, 255] scale."""
        return luminance(read_image(path), rounded=False) if self.gray else read_image(path, False).astype(np.float64)

    def degraded(self, clean: np.ndarray, image: str, level: int) -> np.ndarray:
        """A clean image at one level, float32 of its shape.

        Deviation: the last row and column are repeated to multiples of the level, which some degradations ask for, and
        cut off again; test images are cut.
        """
        height, width = clean.shape[:2]
        after = ((0, -height % level), (0, -width % level), (0, 0))
        whole = np.pad(clean, after[: clean.ndim], mode="edge")
        degraded = degradations.degrade(self.module, whole, level, partial(self.draw, image=image, sigma=level))
        return degraded[:height, :width]

    def versions(self, path: Path, image: str) -> np.ndarray:
        """An image and its degraded versions by level, int16 (H, W, versions x channels), in `FINENESS` of a level."""
        clean = self.clean(path)
        planes = [clean, *(self.degraded(clean, image, level) for level in self.levels)]
        fine = np.rint(np.stack(planes, axis=2).reshape(*clean.shape[:2], -1) * FINENESS)
        return fine.clip(-(2**15), 2**15 - 1).astype(np.int16)


class Restorer(Learner):
    """A learner of patches of `Degrader.versions`, of each of which it takes one version.

    Args:
        kinds: what it learns to restore.
        network, sigma_range, schedule, mode, device: see `Learner`.
    """

    def __init__(
        self,
        network: nn.Module,
        sigma_range: Sequence[float],
        schedule: Schedule,
        mode: str,
        device: torch.device,
        kinds: Sequence[Kind],
    ) -> None:
        super().__init__(network, sigma_range, schedule, mode, device)
        self.low, self.high, self.first = torch.tensor(kinds, device=device).T

    def examples(
        self, clean: torch.Tensor, noise: torch.Tensor, level: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The clean version of every patch, one that is degraded or noisy, and its level divided by 255, (N,)."""
        versions = clean.unflatten(1, (-1, noise.shape[1]))
        share = level * len(self.low)
        kind = share.long().clamp(max=len(self.low) - 1)
        share = share - kind
        low, span, noisy = self.low[kind], (self.high - self.low)[kind], self.first[kind] == 0
        step = torch.minimum((share * (span + 1)).long(), span)
        patch = torch.arange(len(kind), device=kind.device)
        chosen = versions[patch, torch.where(noisy, 0, self.first[kind] + step)]
        told = (low + torch.where(noisy, share * span, step)) / 255.0
        sigma = torch.where(noisy, told, 0.0).view(-1, 1, 1, 1)
        return versions[:, 0], torch.addcmul(chosen, noise, sigma), told


class RestoredValidation(Validation):
    """Validation on images that are degraded as a whole, at the levels that runs are watched at.

    Args:
        images: clean, float64 (H, W) or (H, W, 3), [0, 255] scale.
        degraded: from the number of an image and a level to the degraded image.
        levels: that it will be asked for.
        seed, device: see `Validation`.
    """

    def __init__(
        self,
        images: list[np.ndarray],
        degraded: Callable[[int, int], np.ndarray],
        levels: set[int],
        seed: int,
        device: torch.device,
    ) -> None:
        super().__init__(images, seed, device)
        numbers = range(len(images))
        self.versions = {level: self.centres([degraded(number, level) for number in numbers]) for level in levels}

    def degraded(self, number: int, sigma: float) -> torch.Tensor:
        """An image at one level, [0, 1] scale."""
        return self.versions[int(sigma)][number] / 255.0
