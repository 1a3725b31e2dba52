"""How a network is trained: everything about a run but its network, its images and its noise levels."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

from redenoise.support.errors import UserError, choices


@dataclass(frozen=True)
class Schedule:
    """One entry of `schedules` in params.yaml, with what a scale replaces in it.

    Attributes:
        steps: number of updates.
        batch: patches per update.
        patch: side of the square patches, in pixels.
        optimizer: `sgd`, `adam` or `adamw`.
        learning_rate: the highest rate.
        curve: `step` (times `factor` after every `every` steps), `exponential` (falls to `final` over the steps) or
            `cosine` (rises over the first `warm_up` of the steps, then falls to 0 as a half cosine).
        every, factor, final, warm_up: of the curve, see there.
        loss: `mse`, the mean of squares in the [0, 1] range; `half_mse_255`, half of it in the [0, 255] range, as the
            authors of Liu et al. released it; `half_sse`, half the sum over a patch, averaged over the batch, in
            [0, 1], equation 1 of Zhang et al. 2017. They differ by a factor, which matters to SGD and to clipping.
        momentum, weight_decay: of the optimiser; weights decay, biases and normalisation do not.
        bias_rate, last_rate: factors on the rate of all biases and of the last layer's weights and biases.
        clip: largest L2 norm of the gradient of all parameters; 0 for none.
        average: decay of the exponential moving average of the weights that is evaluated and stored; 0 for none.
        smoothing: of the labels of a task network's training: this share of each label is spread over all classes.
        network: options of the network that belong to the schedule, such as its initialisation.
        log_every, validate_every: steps between two lines of the log, and between two validations.
    """

    steps: int
    batch: int
    patch: int
    optimizer: str
    learning_rate: float
    curve: str
    loss: str = "mse"
    every: int = 1
    factor: float = 1.0
    final: float = 0.0
    warm_up: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    bias_rate: float = 1.0
    last_rate: float = 1.0
    clip: float = 0.0
    average: float = 0.0
    smoothing: float = 0.0
    network: dict[str, Any] = field(default_factory=dict)
    log_every: int = 100
    validate_every: int = 1000

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        if self.curve == "step":
            return self.learning_rate * self.factor ** (step // self.every)
        if self.curve == "exponential":
            return self.learning_rate * (self.final / self.learning_rate) ** (step / max(1, self.steps - 1))
        rising = max(1, round(self.warm_up * self.steps))
        if step < rising:
            return self.learning_rate * (step + 1) / rising
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - rising) / max(1, self.steps - rising)))

    def average_decay(self, step: int) -> float:
        """Decay of the moving average at a step: lower at first, so that the first weights are soon forgotten."""
        return min(self.average, (1 + step) / (10 + step))

    def loss_factor(self, values: int) -> float:
        """What the mean of squares in the [0, 1] range is multiplied with; `values` is C x H x W of a patch."""
        return {"mse": 1.0, "half_mse_255": 0.5 * 255.0**2, "half_sse": 0.5 * values}[self.loss]


def schedule_for(params: dict, training: dict, family: dict) -> tuple[str, Schedule]:
    """Name and content of the schedule of a family: its own or the scale's, changed as the scale says.

    Args:
        params: the whole of params.yaml.
        training: `training` of the scale: `schedule` replaces the family's if given, unless that `keeps_schedule`;
            `mode` is not part of it, every other key replaces one of the schedule.
    """
    name = family["schedule"] if family.get("keeps_schedule") else training.get("schedule") or family["schedule"]
    if name not in params["schedules"]:
        raise UserError(f"params.yaml: schedules has no entry {name!r}; {choices(name, params['schedules'])}")
    known = {item.name for item in fields(Schedule)}
    changes = {key: value for key, value in training.items() if key in known}
    return name, Schedule(**{**params["schedules"][name], **changes})
