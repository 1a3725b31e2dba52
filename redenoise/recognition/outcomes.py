"""A task on one set of images behind one denoiser, part by part.

A part is a fixed number of consecutive images at one noise level. Finished parts are kept outside the declared outputs,
named by everything that they depend on: a run that was killed goes on with the next, several processes can share the
parts of one run, and they merge to the same bytes whoever made them. No noisy or denoised image is ever written.
"""

import glob
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import torch

from redenoise.dag.shards import Work
from redenoise.data.labelled import Example, read_mask_of
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import psnr
from redenoise.measure.noise import add_noise
from redenoise.models.recognizers import TaskNetwork
from redenoise.recognition.images import batches, prepared
from redenoise.recognition.metrics import overlaps, ranks
from redenoise.support.errors import UserError, during
from redenoise.support.files import atomic_open, read_sealed, sha256_bytes, write_sealed
from redenoise.support.progress import progress

CLEAN = "clean"  # the condition without noise
TOGETHER = 32  # images of one shape that go through the networks together
LESS_MEMORY = "run fewer jobs at once (--cores), or take smaller images (`crop` of the task in params.yaml)"


class Denoiser(Protocol):
    """What stands in front of a task network."""

    def __call__(self, noisy: np.ndarray, sigma: float) -> np.ndarray:
        """Denoise float32 (N, H, W, 3) on the [0, 255] scale; the result has its shape and scale."""
        ...

    def depends_on(self, sigma: float) -> dict[str, str]:
        """Names and values of what the result depends on besides the noisy images."""
        ...


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        examples: the images of the set, in its order.
        dataset: key of the set, and `seed` of the run: both key the noise.
        resize, crop: see `images.prepared`.
        network: of the task, on `device`.
        depends_on: names and values of what the outcomes depend on besides the images and the denoiser.
    """

    examples: list[Example]
    dataset: str
    seed: int
    resize: int | None
    crop: int | None
    network: TaskNetwork
    device: torch.device
    depends_on: dict[str, Any]


@dataclass(frozen=True)
class Part:
    """Consecutive images at one noise level; `sigma` is None for clean ones."""

    number: int
    sigma: float | None
    examples: list[Example]

    @property
    def condition(self) -> str:
        """As the results name it."""
        return condition_of(self.sigma)


def condition_of(sigma: float | None) -> str:
    """A noise level as the results name it; None stands for clean images."""
    return CLEAN if sigma is None else f"sigma={sigma:g}"


def parts_of(examples: list[Example], levels: Sequence[float | None], size: int) -> list[Part]:
    """All parts of a run, level by level; numbered over all levels."""
    starts = range(0, len(examples), size)
    found = [(sigma, examples[start : start + size]) for sigma in levels for start in starts]
    return [Part(number, sigma, chosen) for number, (sigma, chosen) in enumerate(found)]


def outcomes(
    subject: Subject, denoiser: Denoiser, parts: list[Part], folder: Path, label: str, work: Work
) -> dict[str, dict[str, np.ndarray]]:
    """What became of every image, by condition: `outcome` as of `ranks` or `overlaps`, and `psnr` in dB if noisy.

    A shard makes its share of the parts and returns what became of their images alone.
    """
    merged: dict[str, dict[str, list[np.ndarray]]] = {}
    chosen = work.share(parts)
    for part in progress(chosen, len(chosen), work.label(label), "part"):
        make = work.counted(partial(compute, subject, denoiser, part))
        with during(f"{label}, {part.condition}", LESS_MEMORY):
            arrays = _kept(folder, part, _key(subject, denoiser, part), make)
        for name, values in arrays.items():
            merged.setdefault(part.condition, {}).setdefault(name, []).append(values)
    return {
        condition: {name: np.concatenate(values) for name, values in arrays.items()}
        for condition, arrays in merged.items()
    }


def compute(subject: Subject, denoiser: Denoiser, part: Part) -> dict[str, np.ndarray]:
    """The outcomes of one part."""
    clean = [prepared(example, subject.resize, subject.crop) for example in part.examples]
    found, quality = [], []
    for numbers in batches(part.examples, clean, TOGETHER):
        examples, batch = [part.examples[number] for number in numbers], np.stack([clean[number] for number in numbers])
        images = batch.astype(np.float32)
        if part.sigma is not None:
            noise: dict[str, Any] = {"seed": subject.seed, "dataset": subject.dataset, "sigma": part.sigma}
            pairs = zip(batch, examples, strict=True)
            images = np.stack([add_noise(image, image=example.id, **noise) for image, example in pairs])
            images = denoiser(images, part.sigma).astype(np.float32)
            for image, target, example in zip(images, batch, examples, strict=True):
                with during(f"image {example.id}", LESS_MEMORY):
                    quality.append(psnr(to_uint8(image), target))
        found += _recognised(subject, images, examples)
    arrays = {"outcome": np.stack(found)}
    return arrays if part.sigma is None else {**arrays, "psnr": np.array(quality)}


def _recognised(subject: Subject, images: np.ndarray, examples: list[Example]) -> list[np.ndarray]:
    """The outcome of each image of a batch, float32 (N, H, W, 3) on the [0, 255] scale, not clipped."""
    network = subject.network
    with torch.inference_mode():
        batch = torch.from_numpy(images).to(subject.device).permute(0, 3, 1, 2) / 255.0  # stays channels-last
        scores = network(batch)
        finite = scores.isfinite().flatten(1).all(dim=1).tolist()
    if wrong := [example.id for example, fits in zip(examples, finite, strict=True) if not fits]:
        line = f"image {wrong[0]}: the task's network gives scores that are infinite or no numbers"
        raise UserError(f"{line}, expected one for each class; check its weights and those of the denoiser")
    if network.kind == "classification":
        labels = np.array([example.label for example in examples])
        return list(ranks(scores.float().cpu().numpy(), labels))
    # On the CPU a search along the innermost axis is several times faster.
    predicted = scores.permute(0, 2, 3, 1).contiguous().argmax(dim=-1).cpu().numpy()
    masks = (read_mask_of(example, network.classes) for example in examples)
    return [overlaps(found, mask, network.classes) for found, mask in zip(predicted, masks, strict=True)]


def _key(subject: Subject, denoiser: Denoiser, part: Part) -> str:
    """A short key of everything that determines a part's outcomes."""
    depends = {} if part.sigma is None else denoiser.depends_on(part.sigma)
    images = [(example.id, example.label) for example in part.examples]
    values: dict[str, Any] = {"subject": subject.depends_on, "denoiser": depends, "sigma": part.sigma, "images": images}
    values |= {"dataset": subject.dataset, "seed": subject.seed, "resize": subject.resize, "crop": subject.crop}
    return sha256_bytes(json.dumps(values, sort_keys=True).encode())[:20]


def _kept(folder: Path, part: Part, key: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays of a part: read back if a finished one with this key is there, else computed and kept."""
    path = folder / f"{part.number:05d}.{key}.npz"
    try:
        return read_arrays(io.BytesIO(read_sealed(path)))
    except (FileNotFoundError, UserError):
        pass  # not there, or changed or damaged after it was written: made again and replaced
    arrays = make()
    write_sealed(path, _packed(arrays))
    for other in folder.glob(f"{glob.escape(f'{part.number:05d}')}.*.npz"):
        if other != path:
            other.unlink(missing_ok=True)
    return arrays


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write arrays as .npz, atomically; the same arrays make the same bytes."""
    with atomic_open(path) as file:
        file.write(_packed(arrays))


def _packed(arrays: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def read_arrays(path: Path | IO[bytes]) -> dict[str, np.ndarray]:
    """Arrays of `write_arrays`; pickled content is refused."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
