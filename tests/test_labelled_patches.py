"""Batches of labelled images: the draw of a step, the readers, images smaller than a crop."""

from pathlib import Path

import numpy as np
import pytest
import torch

from redenoise.data.images import write_png
from redenoise.data.labelled import Example
from redenoise.data.resizing import resized
from redenoise.joint.patches import AHEAD, MEAN_RGB, LabelledPatches, extended
from redenoise.support.errors import UserError

CPU = torch.device("cpu")


def examples(folder: Path, masks: bool, sizes: tuple[tuple[int, int], ...] = ((20, 24), (26, 20), (30, 22))) -> list:
    """Images whose three channels are row, column and number, so that every crop tells where it comes from."""
    found = []
    for number, (height, width) in enumerate(sizes):
        rows, columns = np.mgrid[:height, :width]
        image = np.stack([rows, columns, np.full_like(rows, number)], axis=-1).astype(np.uint8)
        path, mask = folder / f"{number}.png", folder / f"{number}_mask.png"
        write_png(path, image)
        write_png(mask, ((rows + columns) % 4).astype(np.uint8))
        label = (mask, None) if masks else (None, number)
        found.append(Example(str(number), path, *label))
    return found


def patches(folder: Path, masks: bool = False, workers: int = 0, crop: int = 16, **changes: object) -> LabelledPatches:
    return LabelledPatches(examples(folder, masks, **changes), 4, crop, None, 5, CPU, "test", workers)


def batch(source: LabelledPatches, step: int, seed: int = 0) -> list[torch.Tensor]:
    source.seed(seed, step)
    return [tensor.clone() for tensor in source.draw()]


@pytest.mark.parametrize("masks", [False, True])
def test_a_step_draws_the_same_whatever_was_drawn_before_and_whoever_reads(tmp_path: Path, masks: bool):
    one, two, threads = patches(tmp_path, masks), patches(tmp_path, masks), patches(tmp_path, masks, workers=2)
    later = batch(one, 7)
    for step in (3, 7):
        expected = batch(two, step)
        assert all(torch.equal(a, b) for a, b in zip(expected, batch(threads, step), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(later, expected, strict=True))
    assert not torch.equal(later[0], batch(one, 8)[0])
    assert not torch.equal(later[0], batch(one, 7, seed=1)[0])


def test_crops_and_masks_are_cut_and_mirrored_alike(tmp_path: Path):
    source, mirrored = patches(tmp_path, masks=True), set()
    for step in range(8):
        clean, _, level, labels = batch(source, step)
        pixels = (clean * 255).round().long()
        assert clean.shape == (5, 3, 16, 16) and labels.dtype == torch.int64
        assert torch.equal(labels, (pixels[:, 0] + pixels[:, 1]) % 4)
        mirrored |= set((pixels[:, 1, 0, 1] - pixels[:, 1, 0, 0]).tolist())
        assert (level >= 0).all() and (level < 1).all()
    assert mirrored == {1, -1}


def test_labels_of_images_are_those_of_the_crops(tmp_path: Path):
    clean, _, _, labels = batch(patches(tmp_path), 0)
    assert torch.equal((clean[:, 2, 0, 0] * 255).round().long(), labels)
    assert len(set(labels.tolist())) > 1


def test_noise_is_of_unit_variance_and_drawn_on_the_device(tmp_path: Path):
    source = patches(tmp_path)
    noise = torch.cat([batch(source, step)[1].flatten() for step in range(20)])
    assert abs(noise.mean().item()) < 0.02 and abs(noise.std().item() - 1) < 0.02


def test_only_a_few_steps_are_read_ahead(tmp_path: Path):
    source = patches(tmp_path, workers=1)
    for step in range(3):
        source.seed(0, step)
    assert sorted(source.coming) == [(0, step) for step in range(3, 2 + AHEAD)]


def test_an_image_smaller_than_a_crop_is_extended_by_pixels_without_a_class(tmp_path: Path):
    source = patches(tmp_path, masks=True, sizes=((10, 24),))
    clean, _, _, labels = batch(source, 0)
    below = (clean[:, :, 10:] * 255).round()
    assert torch.equal(below, torch.tensor(MEAN_RGB).view(1, 3, 1, 1).expand_as(below).float())
    assert (labels[:, 10:] == 255).all() and (labels[:, :10] != 255).all()
    image = np.zeros((16, 16, 3), np.uint8)
    assert extended(image, 3, 16)[0] is image


def test_resizing_makes_the_shorter_side_as_long_as_asked():
    assert resized(np.zeros((40, 60, 3), np.uint8), 20).shape == (20, 30, 3)
    assert resized(np.zeros((61, 40, 3), np.uint8), 20).shape == (30, 20, 3)
    ramp = np.repeat(np.arange(0, 80, 2, dtype=np.uint8)[np.newaxis, :, np.newaxis], 40, axis=0).repeat(3, axis=2)
    assert np.abs(resized(ramp, 20)[10, 2:-2, 0].astype(int) - (1 + 4 * np.arange(2, 18))).max() <= 1


def test_a_set_without_images_is_one_clear_line():
    with pytest.raises(UserError, match="classify: no training images; run the stage labelled"):
        LabelledPatches([], 4, 16, None, 5, CPU, "classify")
