"""The pictures of one call, one after the other: noise added or estimated, denoised, measured, written."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from redenoise.commands.denoise import page
from redenoise.commands.denoise.methods import Method
from redenoise.commands.denoise.noise_level import noise_level
from redenoise.commands.denoise.pictures import Picture, read, write
from redenoise.commands.refusals import Refusals, refused
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import HALF, psnr, ssim
from redenoise.measure.noise import add_noise
from redenoise.support.progress import progress

DATASET = "denoise"  # keys the noise that is added, together with the name of the result
NOISY = "noisy"  # the filter that leaves a picture as it is, which the page shows in any case
FAR = 10.0  # of a noise level from the one that a picture is denoised at
Quality = tuple[float, float | None]  # PSNR in dB, and SSIM unless the picture is too small for it


@dataclass(frozen=True)
class Call:
    """What was asked for.

    Attributes:
        found: pictures by the names of their results, see `inputs.pictures`.
        clean: the clean picture of each, or empty.
        methods: in the order of the command line.
        sigma: noise level on the [0, 255] scale, None to estimate it.
        added: level of the noise to add first, or None.
        seed: of that noise.
        out: folder of the results.
        compare: whether each method has a folder of its own in there, beside a page that shows them side by side.
        refusals: what becomes of pictures that are refused.
    """

    found: dict[Path, Path]
    clean: dict[Path, Path]
    methods: list[Method]
    sigma: float | None
    added: float | None
    seed: int
    out: Path
    compare: bool
    refusals: Refusals

    def target(self, name: Path, method: Method) -> Path:
        """Where a result goes."""
        return self.out / (method.name if self.compare else "") / name

    def targets(self) -> Iterator[Path]:
        """All files that the call writes, but for the pictures of the page."""
        yield from (self.target(name, method) for name in self.found for method in self.methods)
        if self.compare:
            yield self.out / page.NAME


def run(call: Call) -> None:
    """Denoise all pictures, say what became of each, and write the page if one was asked for."""
    qualities: dict[str, list[list[Quality]]] = {method.name: [] for method in call.methods}
    shown = []
    for name, source in progress(call.found.items(), len(call.found), "denoise"):
        with call.refusals.passed_over():
            columns = list(_denoised(call, name, source, qualities))
            if call.compare:
                shown.append(page.keep(call.out, name, columns))
    for method, rows in qualities.items():
        if len(rows) > 1:
            average = [_mean(list(column)) for column in zip(*rows, strict=True)]
            tqdm.write(f"average of {len(rows)} pictures: {method}; {_words(average)}")
    if shown:
        page.write(call.out, shown)
    call.refusals.close()


def _denoised(
    call: Call, name: Path, source: Path, qualities: dict[str, list[list[Quality]]]
) -> Iterator[tuple[str, np.ndarray]]:
    """One picture through all methods: captions and images, uint8, of what went in, came out, and of the clean one."""
    with refused(source):
        picture = read(source)
        noisy, clean = _before(call, name, source, picture)
        sigma, estimated = (noise_level(noisy), True) if call.sigma is None else (call.sigma, False)
    measured: list[tuple[str, list[Quality]]] = []
    given = to_uint8(noisy)
    before = None if clean is None else _quality(given, clean)
    yield _caption(NOISY, before), given
    for method in call.methods:
        level = method.level_for(sigma, estimated)
        denoiser = method.load(level, picture.facts.gray)  # what is wrong with weights is of no picture
        with refused(source):
            image = denoiser(noisy)
        result = to_uint8(image)
        done, after = f"{method.name}, sigma {level:.4g}", None
        if estimated:
            nearest = "" if level == sigma else f"nearest to {sigma:.3g}, "
            if abs(level - sigma) > FAR:
                line = f"{name}: its noise of about {sigma:.3g} is far from {level:g}, the nearest of {method.name}"
                tqdm.write(f"warning: {line}; give --sigma, or take a method of a range, see --list", file=sys.stderr)
            done += f" ({nearest}estimated as by Chen et al. 2015)"
        words = [done]
        if clean is not None and before is not None:
            after = _quality(result, clean)
            measured.append((method.name, pair := [before, after]))
            words.append(_words(pair))
        words += ["JPEG of quality 95"] if picture.facts.format == "JPEG" else []
        target = call.target(name, method)
        write(target, picture, picture.stored(image))
        tqdm.write(f"{target}: {'; '.join(words)}")
        if method.name != NOISY:
            yield _caption(done, after), result
    if clean is not None:
        yield "clean", clean
    for key, pair in measured:  # of pictures that all methods take, so that averages are of the same ones
        qualities[key].append(pair)


def _before(call: Call, name: Path, source: Path, picture: Picture) -> tuple[np.ndarray, np.ndarray | None]:
    """What is denoised, float32 on the [0, 255] scale, and the clean image, uint8, if there is one."""
    if call.added is not None:
        image = picture.scaled()
        noisy = add_noise(image, seed=call.seed, dataset=DATASET, image=name.as_posix(), sigma=call.added)
        return noisy, to_uint8(image)
    clean = to_uint8(read(call.clean[source]).scaled()) if call.clean else None
    return picture.scaled(), clean


def _quality(image: np.ndarray, clean: np.ndarray) -> Quality:
    small = min(image.shape[:2]) <= 2 * HALF
    return psnr(image, clean), None if small else ssim(image, clean)


def _mean(values: list[Quality]) -> Quality:
    ssims = [value for _, value in values if value is not None]
    return float(np.mean([value for value, _ in values])), float(np.mean(ssims)) if ssims else None


def _caption(what: str, quality: Quality | None) -> str:
    """What the page says below a picture."""
    if quality is None:
        return what
    return f"{what}: PSNR {quality[0]:.2f} dB" + ("" if quality[1] is None else f", SSIM {quality[1]:.4f}")


def _words(pair: list[Quality]) -> str:
    """Quality before and after."""
    before, after = pair
    text = f"PSNR {before[0]:.2f} to {after[0]:.2f} dB"
    if before[1] is None or after[1] is None:
        return f"{text}, too small for SSIM"
    return f"{text}, SSIM {before[1]:.4f} to {after[1]:.4f}"
