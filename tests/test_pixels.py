"""Pixels are what the file says, by one rule for every mode, wherever images are read."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from redenoise.commands.manifest.pictures import is_gray
from redenoise.dag.config import load_config
from redenoise.data.images import image_header, read_image
from redenoise.data.labelled import Example, read_image_of, read_mask_of
from redenoise.support.errors import UserError
from stages.download import node as download
from tests.pixel_files import png16

DRAW = np.random.default_rng(0)
COLOUR, GRAY = DRAW.integers(0, 256, (18, 17, 3), dtype=np.uint8), DRAW.integers(0, 256, (18, 17), dtype=np.uint8)
DEEP = DRAW.integers(0, 65536, (18, 17, 3)).astype(np.uint16)
OPAQUE, CLEAR = np.full((18, 17), 255, np.uint8), np.full((18, 17), 255, np.uint8)
CLEAR[3, 4] = 254


def save(path: Path, image: Image.Image | np.ndarray, **options: object) -> Path:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def luma(colour: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(colour).convert("L"))


def test_eight_bits_are_as_they_are(tmp_path: Path):
    colour, gray = save(tmp_path / "c.png", COLOUR), save(tmp_path / "g.png", GRAY)
    assert np.array_equal(read_image(colour), COLOUR) and np.array_equal(read_image(gray), GRAY)
    assert np.array_equal(read_image(colour, gray=True), luma(COLOUR))
    assert np.array_equal(read_image(gray, gray=False), np.repeat(GRAY[..., None], 3, axis=2))
    palette = save(tmp_path / "p.png", Image.fromarray(COLOUR).quantize(8))
    assert np.array_equal(read_image(palette), np.asarray(Image.open(palette).convert("RGB")))


@pytest.mark.parametrize("kind", ["gray", "colour", "gray and alpha", "colour and alpha"])
def test_sixteen_bits_are_their_high_bytes(tmp_path: Path, kind: str):
    planes = DEEP if "colour" in kind else DEEP[..., :1]
    full = np.full((18, 17, 1), 65535, np.uint16)
    path = png16(tmp_path / "a.png", np.dstack([planes, full]) if "alpha" in kind else planes)
    expected = (DEEP >> 8).astype(np.uint8)
    assert np.array_equal(read_image(path, gray=False), expected if "colour" in kind else expected[..., [0, 0, 0]])
    assert "16" in image_header(path)[2]


@pytest.mark.parametrize("suffix", ["tif", "png", "pgm"])
def test_sixteen_bits_of_gray_in_every_format(tmp_path: Path, suffix: str):
    path = tmp_path / f"a.{suffix}"
    if suffix == "pgm":
        path.write_bytes(b"P5 17 18 65535\n" + DEEP[..., 0].astype(">u2").tobytes())
    else:
        save(path, Image.fromarray(DEEP[..., 0]))
    assert np.array_equal(read_image(path), DEEP[..., 0] >> 8)
    assert np.array_equal(read_image(path, gray=True), DEEP[..., 0] >> 8)


def test_what_has_no_black_and_white_is_refused(tmp_path: Path):
    unit = (DEEP[..., 0] / 65535).astype(np.float32)
    files = [save(tmp_path / "f.tif", unit), save(tmp_path / "i.tif", DEEP[..., 0].astype(np.int32))]
    files.append(save(tmp_path / "lab.tif", Image.merge("LAB", Image.fromarray(COLOUR).split())))
    for path, kind in zip(files, ("F", "I", "LAB"), strict=True):
        for read in (read_image, image_header, is_gray):
            line = (
                rf"^{path}: of the kind {kind}, expected gray or RGB with 8 or 16 bits per channel; convert or remove"
            )
            with pytest.raises(UserError, match=line):
                read(path)


ALPHA = {
    "rgba.png": lambda alpha: np.dstack([COLOUR, alpha]),
    "la.png": lambda alpha: np.dstack([GRAY, alpha]),
    "rgba.tif": lambda alpha: np.dstack([COLOUR, alpha]),
    "rgba.webp": lambda alpha: np.dstack([COLOUR, alpha]),
}


@pytest.mark.parametrize("name", ALPHA)
def test_alpha_is_dropped_where_all_is_opaque_and_refused_elsewhere(tmp_path: Path, name: str):
    options = {"lossless": True} if name.endswith("webp") else {}
    path = save(tmp_path / name, ALPHA[name](OPAQUE), **options)
    expected = GRAY[..., None].repeat(3, axis=2) if name == "la.png" else COLOUR
    assert np.array_equal(read_image(path, gray=False), expected)
    save(path, ALPHA[name](CLEAR), **options)
    for read in (read_image, image_header, is_gray) if name != "rgba.webp" else (read_image,):
        with pytest.raises(UserError, match=f"^{path}: transparent, expected gray or RGB, every pixel opaque; put it"):
            read(path)


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_colour_that_is_declared_transparent(tmp_path: Path, mode: str):
    image = Image.new(mode, (17, 16), 0)
    image.paste(9 if mode != "RGB" else (9, 9, 9), (2, 2, 5, 5))
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    for index, refused in ((7, False), (9, True)):
        path = save(tmp_path / "t.png", image, transparency=(index,) * 3 if mode == "RGB" else index)
        if refused:
            with pytest.raises(UserError, match="transparent"):
                read_image(path)
        else:
            assert read_image(path, gray=False).shape == (16, 17, 3)


def test_cmyk_is_read_without_a_profile(tmp_path: Path):
    planes = DRAW.integers(0, 256, (18, 17, 4), dtype=np.uint8)
    path = save(tmp_path / "c.tif", Image.fromarray(planes, mode="CMYK"))
    ink = planes.astype(int)
    expected = np.rint((255 - ink[..., :3]) * (255 - ink[..., 3:]) / 255)
    assert np.abs(read_image(path, gray=False) - expected).max() <= 1
    assert image_header(path)[2] == "CMYK"


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_the_orientation_of_a_camera_turns_no_pixels(tmp_path: Path, suffix: str):
    exif = Image.Exif()
    exif[274] = 6
    path = save(tmp_path / f"a.{suffix}", COLOUR, exif=exif)
    stream = io.BytesIO()
    Image.fromarray(COLOUR).save(stream, format="JPEG" if suffix == "jpg" else "PNG")
    assert np.array_equal(read_image(path, gray=False), np.asarray(Image.open(stream)))
    assert image_header(path)[:2] == (18, 17)


def test_the_orientation_of_a_tiff_is_part_of_its_format(tmp_path: Path):
    exif = Image.Exif()
    exif[274] = 6
    path = save(tmp_path / "a.tif", COLOUR, exif=exif)
    assert np.array_equal(read_image(path), np.rot90(COLOUR, -1)) and image_header(path)[:2] == (17, 18)


def test_labelled_images_follow_the_same_rules(tmp_path: Path):
    mask = save(tmp_path / "mask.png", np.zeros((18, 17), np.uint8))
    deep = Example("a", png16(tmp_path / "a.png", DEEP[..., :1]), mask, None)
    assert np.array_equal(read_image_of(deep), (DEEP[..., [0, 0, 0]] >> 8).astype(np.uint8))
    assert read_mask_of(deep, 2).shape == (18, 17)
    clear = Example("b", save(tmp_path / "b.png", np.dstack([COLOUR, CLEAR])), None, 0)
    with pytest.raises(UserError, match="b.png: transparent"):
        read_image_of(clear)


@pytest.mark.parametrize("odd", [False, True])
def test_the_index_of_a_set_says_the_mode_of_its_files(project: Path, monkeypatch: pytest.MonkeyPatch, odd: bool):
    modes = ("I;16" if odd else "L", "RGB")
    rows = [(name, f"{name}.png", 18, 17, "test", "", "0", mode) for name, mode in zip("ab", modes, strict=True)]
    monkeypatch.setattr(download, "_embedded", lambda *given: rows)
    download.run(load_config("demo"), "set12")
    found = list(csv.DictReader(Path("build/demo/data/set12/index.csv").read_text().splitlines()))
    assert [row.get("mode") for row in found] == (["I;16", "RGB"] if odd else [None, None])
