"""The images that a task is measured on, clean and noisy."""

from collections.abc import Iterator

import numpy as np

from redenoise.data.labelled import Example, read_image_of
from redenoise.data.resizing import resized


def prepared(example: Example, resize: int | None, crop: int | None) -> np.ndarray:
    """The clean image, uint8 (H, W, 3): its shorter side resized to `resize` pixels, then the central square of `crop`.

    Both are None where whole images are used. The papers do not say when the noise is added; here it comes after this,
    so that its level is the one that the denoiser was trained for.
    """
    image = read_image_of(example)
    if resize is not None:
        image = resized(image, resize)
    if crop is not None:
        top, left = ((side - crop) // 2 for side in image.shape[:2])
        image = image[top : top + crop, left : left + crop]
    return image


def batches(examples: list[Example], images: list[np.ndarray], most: int) -> Iterator[list[int]]:
    """Numbers of consecutive images of one shape, at most `most` together."""
    run: list[int] = []
    for number in range(len(examples)):
        if run and (len(run) == most or images[number].shape != images[run[0]].shape):
            yield run
            run = []
        run.append(number)
    if run:
        yield run
