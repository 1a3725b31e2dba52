"""Batches of labelled images for training, made noisy on the device that trains."""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from redenoise.data.labelled import IGNORED, Example, read_image_of, read_mask_of
from redenoise.data.resizing import resized
from redenoise.support.errors import UserError
from redenoise.training.patches import step_seed

AHEAD = 4  # steps whose images are read while the device computes
MEAN_RGB = (123, 117, 104)  # what an image smaller than a crop is extended with, as the authors of DeepLab do
Sample = tuple[np.ndarray, np.ndarray | int]  # an image and its mask or label


class LabelledPatches:
    """Random crops of labelled images, mirrored at random; takes the place of `Patches` in a `Step`.

    Which images, crops and mirrors step k has depends on (seed, k) alone. They are drawn on the host; a batch is put
    into tensors that stay in place, so that a captured graph reads today's. The noise is drawn on the device.

    Args:
        examples: of a labelled set.
        classes: number of classes, background among them; for segmentation only.
        crop: side of the crops. A smaller image is extended to the right and below, its mask by pixels without class.
        resize: shorter side that images are resized to first, for classification; None to take them as they are.
        batch: crops per step.
        device: where the batches go.
        label: names the run in errors.
        workers: threads that read images ahead; 0 keeps what was read decoded in memory, for small sets.

    Raises:
        UserError: there are no images.
    """

    def __init__(
        self,
        examples: list[Example],
        classes: int,
        crop: int,
        resize: int | None,
        batch: int,
        device: torch.device,
        label: str,
        workers: int = 0,
    ) -> None:
        if not examples:
            raise UserError(f"{label}: no training images; run the stage labelled")
        self.examples, self.classes, self.crop, self.resize = examples, classes, crop, resize
        self.batch, self.device = batch, device
        self.generator = torch.Generator(device=device)
        pixels = examples[0].mask is not None
        self.clean = torch.zeros((batch, crop, crop, 3), dtype=torch.uint8, device=device)
        self.labels = torch.zeros((batch, crop, crop) if pixels else batch, dtype=torch.int64, device=device)
        self.kept: dict[int, Sample] = {}
        self.pool = ThreadPoolExecutor(workers) if workers else None
        self.coming: dict[tuple[int, int], list[Future]] = {}

    def seed(self, seed: int, step: int) -> None:
        """Put the batch of step `step` of the run `seed` in place, and the generator where its noise begins."""
        self.generator.manual_seed(step_seed(seed, step))
        if self.pool:
            samples = self._read_ahead(self.pool, seed, step)
        else:
            samples = [self._cut(*chosen) for chosen in self._choices(seed, step)]
        self.clean.copy_(torch.from_numpy(np.stack([image for image, _ in samples])))
        self.labels.copy_(torch.from_numpy(np.stack([np.asarray(label, dtype=np.int64) for _, label in samples])))

    def draw(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """The batch in place.

        Returns:
            clean, noise and level as `Patches.draw`; labels, int64 (N,) of images or (N, P, P) of pixels.
        """
        level = torch.rand(self.batch, generator=self.generator, device=self.device)
        clean = self.clean.permute(0, 3, 1, 2).float().div_(255.0)
        noise = torch.randn(self.clean.shape, generator=self.generator, device=self.device).permute(0, 3, 1, 2)
        return clean, noise, level, self.labels

    def _choices(self, seed: int, step: int) -> list[tuple[int, float, float, bool]]:
        """For each image of a batch: its number, where in it the crop begins (0 to 1), and whether it is mirrored."""
        random = np.random.Generator(np.random.PCG64(step_seed(seed, step)))
        images = random.integers(0, len(self.examples), self.batch)
        places = random.random((self.batch, 3))
        return [
            (int(image), top, left, mirror < 0.5) for image, (top, left, mirror) in zip(images, places, strict=True)
        ]

    def _read_ahead(self, pool: ThreadPoolExecutor, seed: int, step: int) -> list[Sample]:
        """The samples of a step; those of the next ones are read while it is computed."""
        wanted = range(step, step + AHEAD)
        self.coming = {place: found for place, found in self.coming.items() if place[1] in wanted and place[0] == seed}
        for ahead in wanted:
            if (seed, ahead) not in self.coming:
                self.coming[seed, ahead] = [pool.submit(self._cut, *chosen) for chosen in self._choices(seed, ahead)]
        return [future.result() for future in self.coming.pop((seed, step))]

    def _sample(self, number: int) -> Sample:
        if self.pool:
            return self._read(self.examples[number])
        if number not in self.kept:
            self.kept[number] = self._read(self.examples[number])
        return self.kept[number]

    def _read(self, example: Example) -> Sample:
        image = read_image_of(example)
        if example.mask is not None:
            return image, read_mask_of(example, self.classes)
        assert example.label is not None, "an example has a mask or a label"
        return (image if self.resize is None else resized(image, self.resize)), example.label

    def _cut(self, number: int, top: float, left: float, mirror: bool) -> Sample:
        image, label = self._sample(number)
        image, label = extended(image, label, self.crop)
        row, column = (
            int(place * (side - self.crop + 1)) for place, side in zip((top, left), image.shape, strict=False)
        )
        window = slice(row, row + self.crop), slice(column, column + self.crop)
        turn = slice(None, None, -1 if mirror else 1)
        return image[window][:, turn], label if isinstance(label, int) else label[window][:, turn]


def extended(image: np.ndarray, label: np.ndarray | int, side: int) -> Sample:
    """An image and its mask of at least `side` pixels on each side, the new ones of mean colour and without a class."""
    below, right = (max(0, side - length) for length in image.shape[:2])
    if not below and not right:
        return image, label
    larger = np.empty((image.shape[0] + below, image.shape[1] + right, 3), np.uint8)
    larger[:] = MEAN_RGB
    larger[: image.shape[0], : image.shape[1]] = image
    if not isinstance(label, int):
        label = np.pad(label, ((0, below), (0, right)), constant_values=IGNORED)
    return larger, label
