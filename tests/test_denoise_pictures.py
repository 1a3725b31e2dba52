"""Pictures of a user: every format and kind comes back as it came, or is refused in one line."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from redenoise.commands.denoise import wide
from redenoise.commands.denoise.pictures import look, read, write
from redenoise.support.errors import UserError

SIZE = (40, 24)  # width, height
RANDOM = np.random.default_rng(0)
PLAIN = [
    *(("PNG", mode) for mode in ("L", "LA", "RGB", "RGBA", "I;16")),
    *(("TIFF", mode) for mode in ("L", "LA", "RGB", "RGBA", "I;16")),
    *(("WEBP", mode) for mode in ("RGB", "RGBA")),
    *(("BMP", mode) for mode in ("L", "RGB")),
    *(("JPEG", mode) for mode in ("L", "RGB")),
]


def random(mode: str) -> Image.Image:
    """A picture of noise, which no writer can simplify."""
    shape = (SIZE[1], SIZE[0], len(mode)) if mode in ("LA", "RGB", "RGBA") else (SIZE[1], SIZE[0])
    if mode == "I;16":
        return Image.fromarray(RANDOM.integers(0, 65536, shape, dtype=np.uint16))
    return Image.fromarray(RANDOM.integers(0, 256, shape, dtype=np.uint8))


def passed(path: Path) -> Path:
    """A picture through `read`, the scale of denoisers and `write`, its pixels unchanged."""
    picture = read(path)
    target = path.with_name(f"back{path.suffix}")
    write(target, picture, picture.stored(picture.scaled()))
    return target


@pytest.mark.parametrize(("kind", "mode"), PLAIN)
def test_what_is_not_changed_comes_back_as_it_came(tmp_path: Path, kind: str, mode: str):
    path, image = tmp_path / f"x.{kind.lower()}", random(mode)
    image.save(path, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    with Image.open(path) as before, Image.open(passed(path)) as after:
        assert (after.format, after.mode, after.size) == (kind, mode, SIZE)
        difference = np.abs(np.asarray(after).astype(int) - np.asarray(before).astype(int))
    assert difference.mean() < 4 if kind == "JPEG" else not difference.any()
    facts = look(path)
    assert facts.shape == (SIZE[1], SIZE[0])
    assert (facts.gray, facts.bits) == (mode in ("L", "LA", "I;16"), 16 if mode == "I;16" else 8)


def png_of_16_bits(path: Path, pixels: np.ndarray) -> None:
    """A picture with its gamma, by the writer under test."""
    kind = {2: 4, 3: 2, 4: 6}[pixels.shape[2]]
    header = SIZE[0].to_bytes(4, "big") + SIZE[1].to_bytes(4, "big") + bytes([16, kind, 0, 0, 0])
    chunks = [(b"IHDR", header), (b"gAMA", (45455).to_bytes(4, "big")), (b"IDAT", b""), (b"IEND", b"")]
    with path.open("wb") as stream:
        wide.write(stream, "PNG", pixels, {"chunks": chunks})


@pytest.mark.parametrize("channels", [3, 4])
def test_png_of_16_bits_keeps_them_and_its_other_chunks(tmp_path: Path, channels: int):
    pixels = RANDOM.integers(0, 65536, (*SIZE[::-1], channels), dtype=np.uint16)
    png_of_16_bits(path := tmp_path / "x.png", pixels)
    assert look(path).bits == 16 and not look(path).gray
    assert (read(path).pixels == pixels[..., :3]).all()
    back = passed(path)
    assert back.read_bytes() == path.read_bytes()
    with Image.open(back) as image:
        assert image.info["gamma"] == 0.45455


def test_tiff_of_16_bits_in_colour_keeps_them_and_its_profile(tmp_path: Path):
    pixels = RANDOM.integers(0, 65536, (*SIZE[::-1], 3), dtype=np.uint16)
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", iccprofile=b"a profile")
    back = passed(path)
    assert (tifffile.imread(back) == pixels).all()
    with Image.open(back) as image:
        assert image.info["icc_profile"] == b"a profile"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp"])
def test_what_exif_turns_is_denoised_upright_and_shown_as_before(tmp_path: Path, suffix: str, orientation: int):
    path = tmp_path / f"x.{suffix}"
    image = Image.new("L", SIZE)
    image.paste(255, (0, 0, 10, 6))  # a corner
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "a camera"
    image.convert("RGB").save(path, exif=exif, quality=95)
    with Image.open(passed(path)) as after:
        assert after.getexif().get(0x0112, 1) == 1
        assert suffix == "tif" or after.getexif()[0x010F] == "a camera"
        turned = np.asarray(after.convert("L")) > 127
    assert look(path).shape == turned.shape == (SIZE[::-1] if orientation <= 4 else SIZE)
    right, bottom = turned[:, -1].any(), turned[-1].any()
    corners = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (1, 0), (1, 1), (0, 1)]  # of the corner, by orientation
    assert (int(right), int(bottom)) == corners[orientation - 1]


def animated(path: Path) -> None:
    first, second = random("RGB"), random("RGB")
    first.save(path, save_all=True, append_images=[second])


def bmp_of_5_bits(path: Path) -> None:
    random("RGB").save(path)
    data = bytearray(path.read_bytes())
    data[28] = 16  # bits of a pixel; more pixels follow than needed
    path.write_bytes(data)


def gray_of_4_bits(path: Path) -> None:
    header = SIZE[0].to_bytes(4, "big") + SIZE[1].to_bytes(4, "big") + bytes([4, 0, 0, 0, 0])
    with path.open("wb") as stream:  # as many bytes as 40 pixels of 4 bits have
        chunks = [(b"IHDR", header), (b"IDAT", b""), (b"IEND", b"")]
        wide.write(stream, "PNG", np.zeros((SIZE[1], 5, 2), np.uint16), {"chunks": chunks})


def premultiplied(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((24, 40, 4), np.uint16), photometric="rgb", extrasamples=["assocalpha"])


REFUSED = {
    "palette.png": (lambda path: random("RGB").quantize(16).save(path), "colours of a palette"),
    "bits.png": (lambda path: random("L").convert("1").save(path), "of the kind 1, expected gray or RGB"),
    "four.png": (gray_of_4_bits, "4 bits per channel, expected gray or RGB with 8 or 16"),
    "key.png": (lambda path: random("RGB").save(path, transparency=(1, 2, 3)), "one colour stands for transparent"),
    "cmyk.jpg": (lambda path: Image.new("CMYK", SIZE).save(path), "of the kind CMYK"),
    "float.tif": (lambda path: Image.new("F", SIZE).save(path), "of the kind F"),
    "integer.tif": (lambda path: Image.new("I", SIZE).save(path), "of the kind I"),
    "lab.tif": (lambda path: Image.new("LAB", SIZE).save(path), "of the kind LAB"),
    "two.tif": (animated, "2 pictures in one file"),
    "two.png": (animated, "2 pictures in one file"),
    "two.webp": (animated, "2 pictures in one file"),
    "five.bmp": (bmp_of_5_bits, "5 bits per channel"),
    "alpha.tif": (premultiplied, "a 16-bit TIFF with alpha"),
    "gray.png": (lambda path: png_of_16_bits(path, np.zeros((24, 40, 2), np.uint16)), "gray of 16 bits with alpha"),
    "text.png": (lambda path: path.write_text("no picture"), "no picture, expected PNG, JPEG, WebP, TIFF or BMP"),
    "anim.gif": (lambda path: random("L").save(path), "no picture, expected PNG"),
    "absent.png": (lambda path: None, "No such file"),
    "folder.png": (Path.mkdir, "Is a directory"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_by_its_header(tmp_path: Path, name: str):
    make, words = REFUSED[name]
    make(tmp_path / name)
    with pytest.raises(UserError, match=words) as refused:
        look(tmp_path / name)
    assert str(refused.value).startswith(f"{tmp_path / name}: ") and "; " in str(refused.value)


def test_a_jpeg_with_a_preview_is_its_photograph(tmp_path: Path):
    photograph, preview = random("L"), random("L").resize((10, 6))
    photograph.save(tmp_path / "x.jpg", format="MPO", save_all=True, append_images=[preview])
    with Image.open(passed(tmp_path / "x.jpg")) as after:
        assert (after.format, after.size) == ("JPEG", SIZE)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
def test_a_picture_cut_short_is_one_line(tmp_path: Path, suffix: str):
    path = tmp_path / f"x.{suffix}"
    random("RGB").save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=f"{path}: (damaged|no picture)"):
        read(path)


def test_a_16_bit_png_cut_short_is_one_line(tmp_path: Path):
    png_of_16_bits(path := tmp_path / "x.png", np.zeros((24, 40, 3), np.uint16))
    path.write_bytes(path.read_bytes()[:70])
    with pytest.raises(UserError, match="damaged"):
        read(path)


def test_more_pixels_than_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("redenoise.commands.denoise.pictures.MAX_PIXELS", 900)
    random("L").save(tmp_path / "x.png")
    with pytest.raises(UserError, match="40x24 pixels, expected at most"):
        look(tmp_path / "x.png")
