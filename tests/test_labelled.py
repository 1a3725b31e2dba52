"""The reader of labelled sets, and the one line of each of its errors."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from redenoise.dag.indexed import write_index, write_unavailable
from redenoise.data.labelled import COLUMNS, Example, read_image_of, read_labelled, read_mask_of
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file
from tests.labelled_project import palette_png

IMAGE = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """An empty project as working directory, with one image and one mask."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(IMAGE).save("image.png")
    Path("mask.png").write_bytes(palette_png(np.full((20, 30), 3, dtype=np.uint8)))


def write_set(*rows: dict, classes: object = ("a", "b", "c", "d")) -> Path:
    folder = Path("build/tiny/labelled/some")
    folder.mkdir(parents=True, exist_ok=True)
    empty = dict.fromkeys(COLUMNS, "") | {"id": "one", "path": "image.png"}
    write_index(folder, COLUMNS, [empty | row for row in rows])
    (folder / "classes.json").write_text(json.dumps(classes))
    return folder


def segmented(mask: np.ndarray | None = None) -> Example:
    if mask is not None:
        Image.fromarray(mask).save("mask.png")
    return Example("one", Path("image.png"), Path("mask.png"), None)


def error_of(work: object, *arguments: object) -> str:
    with pytest.raises(UserError) as caught:
        work(*arguments)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_labels_and_masks():
    folder = write_set({"label": 3}, {"id": "two", "mask": "mask.png", "sha256": sha256_file("image.png")})
    first, second = read_labelled(folder)
    assert first == Example("one", Path("image.png"), None, 3)
    assert (second.id, second.mask, second.label) == ("two", Path("mask.png"), None)
    assert np.array_equal(read_image_of(first), IMAGE) and np.array_equal(read_image_of(second), IMAGE)
    assert np.array_equal(read_mask_of(second, 4), np.full((20, 30), 3))


def test_a_gray_image_has_three_channels():
    Image.fromarray(IMAGE[..., 0]).save("image.png")
    assert np.array_equal(read_image_of(segmented()), np.repeat(IMAGE[..., :1], 3, axis=2))


def test_a_set_that_is_not_there_has_no_examples():
    folder = write_set(classes=[])
    write_unavailable(folder, "not here")
    assert read_labelled(folder) == []


@pytest.mark.parametrize("label", ["4", "-1", "1.0", "cat", "²"])
def test_a_label_outside_the_range(label):
    line = error_of(read_labelled, write_set({"label": label}))
    assert line == (
        f"build/tiny/labelled/some/index.csv: one has label {label!r}, expected 0 to 3; "
        "delete it and run `python -m stages.labelled` again"
    )


@pytest.mark.parametrize("row", [{}, {"label": "1", "mask": "mask.png"}])
def test_an_image_has_a_label_or_a_mask(row):
    assert "expected one of them" in error_of(read_labelled, write_set(row))


def test_an_index_of_another_stage():
    folder = write_set()
    with (folder / "index.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("id", "path", "sha256"), ("one", "image.png", "")])
    assert "damaged, its header is ['id', 'path', 'sha256']" in error_of(read_labelled, folder)


def test_classes_that_are_missing_or_no_list():
    folder = write_set({"label": "0"}, classes={"a": 0})
    assert "classes.json: damaged, holds a dict, expected a list" in error_of(read_labelled, folder)
    (folder / "classes.json").unlink()
    assert "classes.json: missing" in error_of(read_labelled, folder)


@pytest.mark.parametrize("read", [read_image_of, lambda example: read_mask_of(example, 4)])
def test_a_missing_image(read):
    Path("image.png").unlink()
    line = error_of(read, segmented())
    assert line == "image.png: the image is missing; run `python -m stages.labelled` again"


def test_an_image_that_was_changed():
    example = Example("one", Path("image.png"), None, 0, sha256_file("image.png"))
    Image.fromarray(IMAGE[::-1].copy()).save("image.png")
    assert "image.png: SHA-256 is" in error_of(read_image_of, example)


def test_an_image_that_is_none():
    Path("image.png").write_bytes(b"something else")
    assert "image.png: not a readable image" in error_of(read_image_of, segmented())
    assert "image.png: not a readable image" in error_of(read_mask_of, segmented(), 4)


def test_an_ignored_pixel_is_no_class():
    mask = np.full((20, 30), 255, dtype=np.uint8)
    mask[3, 4] = 3
    assert np.array_equal(read_mask_of(segmented(mask), 4), mask)


def test_a_mask_of_another_size_than_its_image():
    line = error_of(read_mask_of, segmented(np.zeros((30, 20), dtype=np.uint8)), 4)
    assert line.startswith("mask.png: 20x30 pixels, expected 30x20 as its image image.png has; ")


def test_a_mask_with_a_class_outside_the_range():
    mask = np.zeros((20, 30), dtype=np.uint8)
    mask[3:5, 4] = 4
    line = error_of(read_mask_of, segmented(mask), 4)
    assert line.startswith("mask.png: class 4 at 2 pixels, expected 0 to 3 or 255; ")


def test_a_mask_in_colour():
    assert "mask.png: mode RGB, expected one channel" in error_of(read_mask_of, segmented(IMAGE), 4)


def test_a_mask_that_is_missing_truncated_or_not_meant():
    data = Path("mask.png").read_bytes()
    Path("mask.png").write_bytes(data[:-30])
    assert "mask.png: not a readable mask" in error_of(read_mask_of, segmented(), 4)
    Path("mask.png").unlink()
    assert "mask.png: the mask is missing" in error_of(read_mask_of, segmented(), 4)
    assert "one has a label and no mask" in error_of(read_mask_of, Example("one", Path("image.png"), None, 1), 4)
