"""One update of one network, and of several networks side by side, in either mode of computing.

`reference` is eager fp32, on a GPU with contiguous memory. `fast` is channels-last memory, a fused optimiser, and bf16
autocast where the device has instructions for bf16; biases that a normalisation takes away again are left as they are.
On a GPU the networks are compiled, and the whole step of all of them, from the drawing of the patches to the moving
average, is captured once in a CUDA graph, with one stream per network, and replayed. The host then sets a seed and a
rate per step and does nothing else. On processors compiling gains nothing over channels-last memory.
"""

import copy
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from redenoise.measure.torch_mode import precision
from redenoise.support.uncompiled import uncompiled
from redenoise.training.patches import Source, noisy_of
from redenoise.training.schedule import Schedule

OLD_GRAPHS = tuple(map(int, torch.__version__.split(".")[:2])) < (2, 14)
MOST_COMPILED = 256  # networks that one process compiles
WARM_UP_STEPS = 3  # eager steps on a side stream before a capture, for libraries that choose or allocate lazily


class Learner:
    """A network with its optimiser and its moving average.

    Trainings with other losses derive from it: they replace `losses`, and what is watched of a run.

    Args:
        network: takes (noisy, sigma) on the [0, 1] scale; a smaller output, of a network without padding, is compared
            with the centre of the clean patch. Its method `idle_biases`, if it has one, lists what `fast` leaves alone.
        sigma_range: lowest and highest noise level on the [0, 255] scale.
        schedule: see `Schedule`.
        mode: `reference` or `fast`.
        device: where everything of the run lives.
    """

    # What `losses` returns besides the loss; the first one tells a divergence.
    WATCHED: tuple[str, ...] = ("mean squared error",)
    WORST = 1.0  # of the first: in the [0, 1] range, 0 dB

    def __init__(
        self, network: nn.Module, sigma_range: Sequence[float], schedule: Schedule, mode: str, device: torch.device
    ) -> None:
        self.fast, self.halved = mode == "fast", precision(mode, device) == "bf16"
        # On the CPU pooling takes a fifth and convolution two thirds of the time in this layout, in either mode.
        self.layout = torch.channels_last if self.fast or device.type == "cpu" else torch.contiguous_format
        self.network = network.to(device).to(memory_format=self.layout).train()
        for bias in getattr(network, "idle_biases", list)() if self.fast else ():
            bias.requires_grad_(False)
        self.forward = compiled(self.network) if self.fast and device.type == "cuda" else self.network
        self.sigma_range, self.schedule, self.device = sigma_range, schedule, device
        self.optimizer, self.factors = make_optimizer(self.network, schedule, self.fast, device)
        self.averaged = copy.deepcopy(self.network).eval() if schedule.average else None
        self.share = torch.zeros((), device=device)  # of today's weights in the moving average
        self.loss_sum = torch.zeros(len(self.WATCHED), device=device)  # of what is watched, since the last reading

    def set_step(self, step: int) -> None:
        """Set what changes from step to step, in place, so that a captured graph sees it."""
        rate = self.schedule.rate(step)
        for group, factor in zip(self.optimizer.param_groups, self.factors, strict=True):
            group["lr"].fill_(rate * factor)
        self.share.fill_(1.0 - self.schedule.average_decay(step))

    def update(self, *batch: torch.Tensor) -> None:
        """One update from a batch of `Patches.draw`."""
        self.optimizer.zero_grad(set_to_none=True)
        loss, watched = self.losses(*batch)
        loss.backward()
        if self.schedule.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.clip, foreach=True)
        self.optimizer.step()
        if self.averaged is not None:
            with torch.no_grad():
                average, now = float_state(self.averaged), float_state(self.network)
                change = torch._foreach_sub(now, average)
                torch._foreach_mul_(change, self.share)  # a tensor on the device, so no lerp: it wants a number
                torch._foreach_add_(average, change)
        self.loss_sum += watched.detach()

    def losses(self, *batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of a batch, and the values of `WATCHED`, (len(WATCHED),)."""
        clean, degraded, level = self.examples(*batch)
        output = self.restored(degraded, level)
        error = nn.functional.mse_loss(output, centre(clean, output))
        return error * self.schedule.loss_factor(output[0].numel()), error.unsqueeze(0)

    def examples(
        self, clean: torch.Tensor, noise: torch.Tensor, level: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Clean patches, what the network is given, (N, C, P, P), and the levels it is told, (N,); [0, 1] scale."""
        return clean, *noisy_of(clean, noise, level, self.sigma_range)

    def restored(self, degraded: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """What the network makes of degraded patches, float32."""
        with self.autocast():
            return self.forward(degraded.contiguous(memory_format=self.layout), level).float()

    def autocast(self) -> torch.autocast:
        """The precision of the mode on this device.

        Without the cache of casts: every weight is used once per step, and a graph must not keep a stale copy.
        """
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.halved, cache_enabled=False)

    def measured(self, means: list[float]) -> float:
        """The point of the learning curve that the means of `WATCHED` over some steps make: PSNR in dB."""
        return -10.0 * math.log10(means[0])

    def report(self, means: list[float]) -> str:
        """What the log says of them."""
        return f"training PSNR {self.measured(means):.2f} dB"

    @property
    def result(self) -> nn.Module:
        """The network to evaluate and to store: the averaged one where the schedule averages."""
        return self.network if self.averaged is None else self.averaged


def centre(clean: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
    """The part of the clean patches that a network without padding estimates."""
    top, left = ((a - b) // 2 for a, b in zip(clean.shape[-2:], output.shape[-2:], strict=True))
    return clean[..., top : top + output.shape[-2], left : left + output.shape[-1]]


def compiled(network: nn.Module) -> Callable[..., torch.Tensor]:
    """What calls a network, compiled at the first call, for shapes that never change.

    Where it cannot be compiled, as without Triton on a GPU, it is called as it is, and a line says why.
    """
    import torch._dynamo  # here: takes seconds, which nothing else has to wait for

    torch._dynamo.config.recompile_limit = MOST_COMPILED  # by default 8 networks that share their code
    call: Callable[..., torch.Tensor] = torch.compile(network, dynamic=False)

    def forward(*inputs: torch.Tensor) -> torch.Tensor:
        nonlocal call
        try:
            return call(*inputs)
        except torch._dynamo.exc.TorchDynamoException as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            print(f"{type(network).__name__}: not compiled: {reason}", file=sys.stderr, flush=True)
            call = network
            return call(*inputs)

    return forward


def float_state(network: nn.Module) -> list[torch.Tensor]:
    """Parameters and floating-point buffers, such as the statistics of normalisation layers."""
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def make_optimizer(
    network: nn.Module, schedule: Schedule, fused: bool, device: torch.device
) -> tuple[torch.optim.Optimizer, list[float]]:
    """The schedule's optimiser, one group for each factor on the rate and each decay, and the factors."""
    last = {id(parameter) for parameter in list(network.modules())[-1].parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        factor = schedule.bias_rate if name.endswith("bias") else 1.0
        factor *= schedule.last_rate if id(parameter) in last else 1.0
        decay = schedule.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((factor, decay), []).append(parameter)
    # A rate is a tensor, so that a captured graph reads today's.
    described = [
        {"params": params, "weight_decay": decay, "lr": torch.tensor(schedule.learning_rate, device=device)}
        for (_, decay), params in groups.items()
    ]
    factors = [factor for factor, _ in groups]
    if schedule.optimizer == "sgd":
        return uncompiled(torch.optim.SGD)(described, momentum=schedule.momentum, fused=fused), factors
    kind = torch.optim.AdamW if schedule.optimizer == "adamw" else torch.optim.Adam
    return uncompiled(kind)(described, fused=fused, capturable=device.type == "cuda"), factors


class Step:
    """Updates several learners with the same patches.

    Learners share nothing but the patches, so each ends in the same weights as if it had been trained alone.
    """

    def __init__(self, learners: list[Learner], patches: Source, seed: int) -> None:
        self.learners, self.patches, self.seed = learners, patches, seed
        self.graph: torch.cuda.CUDAGraph | None = None
        self.captures = patches.device.type == "cuda" and all(learner.fast for learner in learners)
        several = patches.device.type == "cuda" and len(learners) > 1
        self.streams = [torch.cuda.Stream() for _ in learners] if several else []

    def __call__(self, step: int) -> None:
        """Run step `step`, counted from 0. On a GPU it returns before the work is done."""
        if self.captures and self.graph is None:
            self._capture(step)
        self.patches.seed(self.seed, step)
        for learner in self.learners:
            learner.set_step(step)
        if self.graph is not None:
            self.graph.replay()
        else:
            self._run()

    def _run(self) -> None:
        batch = self.patches.draw()
        if not self.streams:
            for learner in self.learners:
                learner.update(*batch)
            return
        main = torch.cuda.current_stream()
        for learner, stream in zip(self.learners, self.streams, strict=True):
            stream.wait_stream(main)
            with torch.cuda.stream(stream):
                learner.update(*batch)
        for stream in self.streams:
            main.wait_stream(stream)

    def _capture(self, step: int) -> None:
        """Capture `_run` in a graph; the learners are put back to where they stood before the warm-up."""
        with preserved(self.learners):
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for learner in self.learners:
                    learner.set_step(step)
                for _ in range(WARM_UP_STEPS):
                    self._run()
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            if OLD_GRAPHS:  # later ones register the generators that a capture uses themselves
                graph.register_generator_state(self.patches.generator)
            with torch.cuda.graph(graph):
                self._run()
        self.graph = graph


@contextmanager
def preserved(learners: list[Learner]) -> Iterator[None]:
    """Run the block and give every tensor of the learners its old value again, in place."""
    before = [[tensor.clone() for tensor in learner_tensors(learner).values()] for learner in learners]
    yield
    with torch.no_grad():
        for learner, values in zip(learners, before, strict=True):
            now = learner_tensors(learner)
            known = len(values)
            for tensor, value in zip(list(now.values())[:known], values, strict=True):
                tensor.copy_(value)
            for tensor in list(now.values())[known:]:  # of an optimiser that had not started: its state starts at 0
                tensor.zero_()


def learner_tensors(learner: Learner) -> dict[str, torch.Tensor]:
    """Every tensor that a run needs to go on, by name: weights, average, sum of losses, then the optimiser's state."""
    tensors = {f"network.{name}": tensor for name, tensor in learner.network.state_dict().items()}
    if learner.averaged is not None:
        tensors |= {f"averaged.{name}": tensor for name, tensor in learner.averaged.state_dict().items()}
    tensors["loss_sum"] = learner.loss_sum
    names = {id(parameter): name for name, parameter in learner.network.named_parameters()}
    for group in learner.optimizer.param_groups:
        for parameter in group["params"]:
            for key, value in learner.optimizer.state.get(parameter, {}).items():
                if isinstance(value, torch.Tensor):
                    tensors[f"optimizer.{key}.{names[id(parameter)]}"] = value
    return tensors
