"""The ways to train that the benchmark compares, ready to run, and the images that they train on."""

import copy
import random
import subprocess
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from redenoise.commands.benchmark import peaks
from redenoise.commands.benchmark.machine import say
from redenoise.dag import paths
from redenoise.dag.indexed import INDEX, checked_path, read_index
from redenoise.data.images import read_image
from redenoise.measure.torch_mode import precision, set_mode
from redenoise.models import denoisers
from redenoise.support.errors import UserError
from redenoise.training.patches import Patches, Source
from redenoise.training.schedule import Schedule
from redenoise.training.step import Learner, Step, centre

# How often an epoch shows each image, in other patches: short epochs would leave the workers idle at the end of each.
REPEATS = 100
FEWEST_STEPS = 3  # of a measurement
TRAINING_SET = [paths.data(scale, "cbsd432") for scale in ("bench", "modern")]
COUNT, SHAPE = 432, (321, 481)  # of the training set
SCHEDULE = "modern"
KERNELS = "captured, kernels"
# What a step of `fast` on a GPU would be without some of its parts, or with others: what calls the network then, and
# whether the step is captured in a graph.
PARTS: dict[str, tuple[Callable[[nn.Module], Callable], bool]] = {
    "plain step": (lambda network: network, False),
    "captured": (lambda network: network, True),
    KERNELS: (lambda network: with_kernels(network), True),
}
GRAIN = 8  # pixels; random images of this grain make PNG files about as large as those of the training set


class PatchDataset(Dataset):
    """Random patches of `patch` pixels of colour images in files, flipped and turned at random."""

    def __init__(self, paths: list[Path], patch: int, repeats: int = REPEATS) -> None:
        self.paths, self.patch, self.repeats = paths, patch, repeats

    def __len__(self) -> int:
        return len(self.paths) * self.repeats

    def __getitem__(self, index: int) -> torch.Tensor:
        """A patch, float32 (C, P, P) in [0, 1]."""
        image = read_image(self.paths[index % len(self.paths)], gray=False)
        top, left = (random.randint(0, side - self.patch) for side in image.shape[:2])
        patch = image[top : top + self.patch, left : left + self.patch]
        if random.random() < 0.5:
            patch = patch[:, ::-1]
        patch = np.rot90(patch, random.randrange(4))
        return torch.from_numpy(np.ascontiguousarray(patch.transpose(2, 0, 1))).float() / 255.0


class PlainLoop:
    """A training loop as most public denoising code has it: what the benchmark measures this project's modes against.

    Images are PNG files; a `Dataset` decodes a whole one for every patch, in the workers of a `DataLoader`; the step
    runs eagerly in fp32, NCHW, with Adam, draws the noise on the device and reads the loss each time. It leaves
    PyTorch's switches where they are by default, TF32 convolutions on a GPU among them, and lets cuDNN choose its
    algorithms. Batch, patch and learning rate are those of a schedule.

    Args:
        network: takes (noisy, sigma) on the [0, 1] scale; its output may be smaller by the same margin on all sides.
        sigma: noise level on the [0, 255] scale.
        workers: processes that decode, 1 or more.
    """

    def __init__(
        self,
        files: list[Path],
        network: nn.Module,
        sigma: float,
        schedule: Schedule,
        device: torch.device,
        workers: int,
    ) -> None:
        self.network, self.sigma, self.device = network.to(device).train(), sigma / 255.0, device
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=schedule.learning_rate)
        self.loader = DataLoader(
            PatchDataset(files, schedule.patch, max(REPEATS, schedule.batch)),
            schedule.batch,
            shuffle=True,
            num_workers=workers,
            drop_last=True,
            pin_memory=device.type == "cuda",
            persistent_workers=True,
        )
        self.batches = self._endless()

    def step(self) -> float:
        """One update; returns its loss, the mean squared error in the [0, 1] range."""
        clean = next(self.batches).to(self.device)
        noisy = clean + self.sigma * torch.randn_like(clean)
        sigma = torch.full((len(clean),), self.sigma, device=self.device)
        self.optimizer.zero_grad()
        output = self.network(noisy, sigma)
        loss = nn.functional.mse_loss(output, centre(clean, output))
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def close(self) -> None:
        """End the workers."""
        self.batches.close()
        self.loader._iterator = None  # persistent workers end with the loader's iterator

    def _endless(self) -> Generator[torch.Tensor]:
        while True:
            yield from self.loader


def set_plain_mode(threads: int) -> None:
    """PyTorch's switches as they are by default, and cuDNN's choice of algorithms, which most code turns on."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = True


@dataclass
class Way:
    """A way to train.

    Attributes:
        name: in the report.
        precision: whose peak it is held against: `bf16`, `tf32` or `fp32`.
        networks: trained side by side.
        prepare: puts PyTorch's switches where this way wants them.
        step: one update of all its networks; takes the number of the step.
        rates: updates per second of all networks together, one for each repeat.
    """

    name: str
    precision: str
    networks: int
    prepare: Callable[[], None]
    step: Callable[[int], object]
    rates: list[float] = field(default_factory=list)
    done: int = 0

    def advance(self) -> None:
        """The next step."""
        self.step(self.done)
        self.done += 1

    def measured(self, seconds: float, device: torch.device) -> float:
        """Updates per second of all its networks together, over about `seconds`."""
        self.prepare()
        return self.networks * peaks.call_rate(self.advance, seconds, FEWEST_STEPS, device)


class Apart(Way):
    """The mode `reference` in a process of its own: one that has computed in `fast` keeps its instructions in any mode.

    Args:
        command: prints the rate; takes `--seconds`.
    """

    def __init__(self, command: list[str]) -> None:
        super().__init__("reference", "fp32", 1, lambda: None, lambda _: None)
        self.command = command

    def measured(self, seconds: float, device: torch.device) -> float:
        """See `Way.measured`; `UserError` if the process fails."""
        command = [*self.command, "--seconds", str(seconds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise UserError(f"{self.name}: its process ended with code {done.returncode}; see the lines above")
        return float(done.stdout)


@dataclass(frozen=True)
class Workshop:
    """Makes the ways to train one network, of these options; `sigmas` are given to several of them in turn."""

    options: dict
    schedule: Schedule
    sigmas: list[float]
    seed: int  # of the weights and of the patches
    device: torch.device
    threads: int

    def plain(self, files: list[Path], workers: int) -> tuple[Way, Callable[[], None]]:
        """The plain loop on image files, and how to end its workers."""
        loop = PlainLoop(files, self._network(), self.sigmas[0], self.schedule, self.device, workers)
        # PyTorch's default on a GPU: TF32 in convolutions, and the network has no other products.
        precision = "tf32" if self.device.type == "cuda" else "fp32"
        return Way("plain loop", precision, 1, lambda: set_plain_mode(self.threads), lambda _: loop.step()), loop.close

    def ours(self, mode: str, count: int, patches: Patches, part: str = "") -> Way:
        """This project's loop with `count` networks, in the mode `reference` or `fast`, or in one of `PARTS`."""
        set_mode(mode, self.threads)
        sigmas = [self.sigmas[index % len(self.sigmas)] for index in range(count)]
        learners = [Learner(self._network(), (one, one), self.schedule, mode, self.device) for one in sigmas]
        return stepping(learners, patches, self.seed, self.threads, part)

    def _network(self) -> nn.Module:
        torch.manual_seed(self.seed)
        return denoisers.build(self.options)


def stepping(learners: list[Learner], source: Source, seed: int, threads: int, part: str = "") -> Way:
    """The steps of some networks together, in their mode or in one of `PARTS`."""
    own = copy.copy(source)  # the same pixels, with a generator of its own, which a graph keeps to itself
    own.generator = torch.Generator(device=source.device)
    step, count, steps = Step(learners, own, seed), len(learners), learners[0].schedule.steps
    if part:
        call, captured = PARTS[part]
        step.captures = step.captures and captured
        for learner in learners:
            learner.forward = call(learner.network)
    mode = "fast" if learners[0].fast else "reference"
    return Way(
        (part or mode) + (f", {count} together" if count > 1 else ""),
        precision(mode, source.device),
        count,
        lambda: set_mode(mode, threads),
        lambda number: step(number % steps),  # begun anew: a benchmark may be longer
    )


def begun(make: Callable[[], Way], device: torch.device, spare: str) -> Way | None:
    """A way after its first step.

    Args:
        spare: name of one that can be done without: if it fails here a line says why, and it is None; empty if not.
    """
    began = time.monotonic()
    try:
        way = make()
        way.prepare()
        way.advance()
        peaks.synchronise(device)
    except Exception as error:
        if not spare:
            raise
        say(f"{spare} is left out: {next(iter(str(error).splitlines()), type(error).__name__)}")
        return None
    say(f"first step of {way.name}, compiled and captured where it is: {time.monotonic() - began:.1f} s")
    return way


def with_kernels(network: nn.Module) -> Callable[..., torch.Tensor]:
    """See `fused`; `ImportError` without Triton."""
    from redenoise.training.fused import fused  # here: nothing else needs Triton

    return fused(network)


def training_images() -> tuple[list[np.ndarray], str]:
    """The training set as a scale made it, or random images of its size, and in words where they come from."""
    folder = next((path for path in TRAINING_SET if (path / INDEX).exists() and read_index(path)), None)
    if folder is None:
        return random_images(COUNT, SHAPE), "random images of the size of CBSD432's, which has not been downloaded"
    files = [checked_path(folder, row) for row in read_index(folder)]
    return [read_image(path, gray=False) for path in files], f"`{folder.as_posix()}`"


def random_images(count: int, shape: tuple[int, int]) -> list[np.ndarray]:
    """Smooth random images, uint8 (H, W, 3), each second one upright; always the same."""
    draw = np.random.default_rng(0)
    images = []
    for index in range(count):
        height, width = shape if index % 2 == 0 else shape[::-1]
        coarse = (height // GRAIN + 1, width // GRAIN + 1, 3)
        image = Image.fromarray(draw.integers(0, 256, coarse, dtype=np.uint8))
        images.append(np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)))
    return images
