"""Files drawn at random, whole and damaged: each is read as what it says, or refused in one line.

python -m tests.drawn --count 1000      # so many of every kind; `make test` draws a few
"""

import argparse
import gzip
import io
import json
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save

from redenoise.data.images import image_header, read_image
from redenoise.measure import apply
from redenoise.measure.denoising import sized
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import psnr, ssim
from redenoise.models import denoisers
from redenoise.models.caffemodel import read_layers
from redenoise.models.weights import load_network
from redenoise.sources.archive import members
from redenoise.support.errors import Unmeasurable, UserError
from redenoise.training.checkpoint import read_checkpoint
from tests.caffe_files import some, write_caffemodel
from tests.pixel_files import png16

NOTHING = object()
SIDES = st.integers(1, 24)
HUGE = st.sampled_from([-1, 0, 2, 77, 10**5, 10**6, 10**30, 1e308, True, None, "7", [], [10**9], {"a": 1}])
BYTES = 1_000_000  # of an archive, unpacked


class File(bytes):
    """Content of a file, which would fill the screen where a check fails."""

    def __repr__(self) -> str:
        return f"{len(self)} bytes"


def read(path: Path, work: Callable[[Path], Any]) -> Any:
    """What `work` makes of a file, or `NOTHING` where it refuses it in one line that names the file."""
    try:
        return work(path)
    except UserError as error:
        assert str(error).startswith(str(path)) and len(str(error).splitlines()) == 1, str(error)
        return NOTHING


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """A file as it was, cut short, or with some of its bytes changed."""
    kind = draw(st.sampled_from(["whole", "cut", "changed"]))
    if kind == "cut":
        return File(data[: draw(st.integers(0, len(data)))])
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 4)) if kind == "changed" and data else 0):
        changed[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return File(changed)


@st.composite
def pictures(draw: st.DrawFn) -> tuple[str, Callable[[Path], object], np.ndarray | None]:
    """A file's name, how to write it, and its pixels in RGB; None where it is to be refused."""
    height, width, seed = draw(SIDES), draw(SIDES), draw(st.integers(0, 2**32 - 1))
    colour = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    if draw(st.booleans()):
        colour[..., 3] = 255
    opaque, gray = bool((colour[..., 3] == 255).all()), colour[..., :1].repeat(3, axis=2)
    deep = np.random.default_rng(seed).integers(0, 65536, (height, width, 4)).astype(np.uint16)
    deep[..., 3] = 65535
    high = (deep >> 8).astype(np.uint8)
    suffix = draw(st.sampled_from(["png", "tif"]))
    plain = {
        "L": (colour[..., 0], gray),
        "RGB": (colour[..., :3], colour[..., :3]),
        "RGBA": (colour, colour[..., :3] if opaque else None),
        "LA": (colour[..., [0, 3]], gray if opaque else None),
        "1": (colour[..., 0] > 127, np.where(gray > 127, 255, 0)),
        "I;16": (deep[..., 0], high[..., [0, 0, 0]]),
    }
    only = {"F": deep[..., 0].astype(np.float32), "I": deep[..., 0].astype(np.int32)}
    channels = {"1 of 16": [0], "2 of 16": [0, 3], "3 of 16": [0, 1, 2], "4 of 16": [0, 1, 2, 3]}
    kind = draw(st.sampled_from([*plain, *only, *channels]))
    if kind in channels:
        expected = high[..., :3] if len(channels[kind]) > 2 else high[..., [0, 0, 0]]
        return "a.png", lambda path: png16(path, deep[..., channels[kind]]), expected
    if kind in only:
        return "a.tif", lambda path: Image.fromarray(only[kind]).save(path), None
    pixels, expected = plain[kind]
    return f"a.{suffix}", lambda path: Image.fromarray(pixels).save(path), expected


def check_image(data: st.DataObject, folder: Path) -> None:
    """Pixels by their rule, and numbers of whatever could be read, damaged files too."""
    name, write, expected = data.draw(pictures())
    path = folder / name
    write(path)
    found, header = read(path, lambda path: read_image(path, gray=False)), read(path, image_header)
    assert (found is NOTHING) == (header is NOTHING) == (expected is None)
    if expected is not None:
        assert np.array_equal(found, expected) and header[:2] == found.shape[:2]
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    read(path, image_header)
    found = read(path, read_image)
    if found is not NOTHING:
        assert found.dtype == np.uint8 and psnr(found, found) == np.inf
        try:
            assert np.isfinite(ssim(found, found))
        except Unmeasurable:
            assert min(found.shape[:2]) < 11


@st.composite
def networks(draw: st.DrawFn) -> bytes:
    """A file of weights: of a small network, with an option, a tensor or bytes that may be none."""
    name = draw(st.sampled_from(["dncnn", "ffdnet", "multiscale", "mlp", "tnrd", "csf"]))
    small = {"dncnn": {"depth": 3, "width": 2}, "ffdnet": {"channels": 1, "depth": 3, "width": 2}}
    small |= {"multiscale": {"channels": 1, "divisor": 64}, "mlp": {"depth": 1, "width": 4, "side": 9, "inner": 3}}
    spec = {"name": name, **small.get(name, {})}
    state = {key: value.clone() for key, value in denoisers.build(spec).state_dict().items()}
    if draw(st.booleans()):
        spec[draw(st.sampled_from([*spec, "channels", "depth", "scales", "stages", "divisor"]))] = draw(HUGE)
    if draw(st.booleans()):
        floating = [key for key, value in state.items() if value.is_floating_point() and value.numel()]
        state[draw(st.sampled_from(floating))].view(-1)[0] = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e38, 0.0]))
    return draw(damaged(save(state, {"redenoise": json.dumps({"network": spec, "origin": "drawn"})})))


def check_weights(data: st.DataObject, folder: Path) -> None:
    """A network whose images are numbers, or one line."""
    path = folder / "a.safetensors"
    path.write_bytes(data.draw(networks()))
    read(path, read_checkpoint)
    found = read(path, load_network)
    if found is not NOTHING:
        noisy = np.random.default_rng(0).normal(128, 30, (24, 26)).astype(np.float32)
        try:
            image = to_uint8(sized(lambda noisy: apply.denoise(found[0], noisy, 25.0), noisy))
            assert image.shape == noisy.shape
        except UserError as error:
            assert len(str(error).splitlines()) == 1
    layers = [("conv1_1", "Convolution", [some(2, 3, 3, 3), some(2)])]
    path = write_caffemodel(folder / "a.caffemodel", layers, old=data.draw(st.booleans()))
    path.write_bytes(data.draw(damaged(path.read_bytes())))
    read(path, read_layers)


KINDS = [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE]
KINDS += [tarfile.GNUTYPE_LONGNAME, tarfile.CHRTYPE, b"?"]


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """A tar archive, packed or not, of members of any kind, damaged before or after it was packed."""
    stream = io.BytesIO()
    with tarfile.open(
        fileobj=stream, mode="w", format=draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    ) as tar:
        for number in range(draw(st.integers(0, 4))):
            member = tarfile.TarInfo(draw(st.sampled_from([f"m{number}", "../x", "/etc/x", "é" * 200, "a" * 90])))
            content = draw(st.binary(max_size=700))
            member.type, member.size, member.linkname = draw(st.sampled_from(KINDS)), len(content), "m0"
            tar.addfile(member, io.BytesIO(content))
    content = draw(damaged(stream.getvalue()))
    if draw(st.booleans()):
        return content
    return draw(damaged(gzip.compress(content, mtime=0)))


def check_archive(data: st.DataObject, folder: Path) -> None:
    """All members to their ends, or one line."""
    path = folder / "a.tgz"
    path.write_bytes(data.draw(archives()))

    def walk(path: Path) -> int:
        return sum(len(stream.read(BYTES)) for _, stream in members(path, BYTES, str(path)) if stream)

    read(path, walk)


CHECKS: dict[str, Callable[[st.DataObject, Path], None]] = {
    "images": check_image,
    "weights": check_weights,
    "archives": check_archive,
}


def draw(kind: str, count: int, start: int = 0) -> None:
    """Check so many inputs of one kind; the same ones every time for one `start`."""

    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @seed(start)
    @given(st.data())
    def drawn(data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as folder:
            CHECKS[kind](data, Path(folder))

    drawn()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.drawn", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="inputs of every kind (default: 1000)")
    parser.add_argument("--kind", choices=list(CHECKS), action="append", help="of these kinds only")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default: 0)")
    options = parser.parse_args()
    for kind in options.kind or CHECKS:
        began = time.monotonic()
        draw(kind, options.count, options.seed)
        print(f"{kind}: {options.count} drawn, all read or refused in one line, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
