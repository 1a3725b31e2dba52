"""The training loop: several networks in step, with checkpoints, a log, validation, and a clean stop on a signal."""

import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from redenoise.support.errors import Stopped, UserError
from redenoise.support.progress import progress
from redenoise.training.checkpoint import load_checkpoint, load_result, save_checkpoint
from redenoise.training.patches import Source
from redenoise.training.schedule import Schedule
from redenoise.training.step import Learner, Step
from redenoise.training.validation import Validation

CHECKPOINT_SECONDS = 60.0


@dataclass
class Member:
    """One network of a run.

    Attributes:
        name: of the model, such as `sigma25`; with the run's label, how it is called in the log.
        learner: network, optimiser and average.
        checkpoint: its file.
        key: what a checkpoint depends on.
        step: updates done.
        history: `curve`, a list of [step, learning rate, training PSNR, validation PSNR or None]; `seconds` of
            training so far; `restarts`, in words, where the run did not go on from a checkpoint of its own; `began`,
            the step of the last of those, if any.
    """

    name: str
    learner: Learner
    checkpoint: Path
    key: dict[str, Any]
    step: int = 0
    history: dict[str, Any] = field(default_factory=lambda: {"curve": [], "seconds": 0.0, "restarts": []})

    @property
    def finished(self) -> Path:
        """Where what a training ended in is kept, beside the checkpoint of one that is under way."""
        return self.checkpoint.with_suffix(".finished.safetensors")


class Run:
    """Trains networks that differ only in noise level or in what was done before, on the same patches.

    Args:
        label: names the run in the log and in errors.
        members: the networks; one with a checkpoint goes on from it.
        patches: where every step's batch comes from.
        validation: or None, to do without.
        schedule: of all of them.
        seed: with a step's number, the only source of randomness.
        checkpoint_seconds: time between two checkpoints, a minute if not given; no result depends on it.
        deadline: on the clock of `time.monotonic`, when to stop as if a signal had come.

    Raises:
        UserError: a checkpoint is damaged or of another run.
    """

    def __init__(
        self,
        label: str,
        members: list[Member],
        patches: Source,
        validation: Validation | None,
        schedule: Schedule,
        seed: int,
        checkpoint_seconds: float | None = None,
        deadline: float = math.inf,
    ) -> None:
        self.label, self.members, self.patches, self.validation = label, members, patches, validation
        self.schedule, self.seed, self.deadline = schedule, seed, deadline
        self.checkpoint_seconds = CHECKPOINT_SECONDS if checkpoint_seconds is None else checkpoint_seconds
        self.watched = ""
        for member in members:
            if member.checkpoint.exists():
                member.step, member.history = load_checkpoint(member.checkpoint, member.learner, member.key)
                print(f"{label} {member.name}: goes on from step {member.step}", file=sys.stderr, flush=True)
            elif kept := load_result(member.finished, member.learner, member.key):
                member.step, member.history = kept
                print(f"{label} {member.name}: trained already, taken up", file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Train every member to the schedule's end.

        Raises:
            UserError: a loss is no longer a number or has diverged; the last good checkpoint stays.
            Stopped: SIGTERM or SIGINT came, or the deadline; the checkpoints hold every step that was done.
        """
        with _signals() as stop:
            while True:
                first = min(member.step for member in self.members)
                if first >= self.schedule.steps:
                    return
                # Those who are behind catch up first, so that all draw the same patches from then on.
                behind = [member for member in self.members if member.step == first]
                ahead = [member.step for member in self.members if member.step > first]
                self._advance(behind, min([*ahead, self.schedule.steps]), stop)

    def _advance(self, members: list[Member], until: int, stop: list[int]) -> None:
        """Train members that stand at one step until another."""
        start = members[0].step
        step = Step([member.learner for member in members], self.patches, self.seed)
        names = "+".join(member.name for member in members)
        began = [member.history["seconds"] for member in members]
        clock = saved = time.monotonic()
        steps = progress(
            range(start, until), until, f"train {self.label} {names}", "step", done=start, status=self._status
        )
        for now in steps:
            step(now)
            seconds = time.monotonic() - clock
            for member, before in zip(members, began, strict=True):
                member.step, member.history["seconds"] = now + 1, before + seconds
            self._watch(members, now + 1)
            late = time.monotonic() >= self.deadline and now + 1 < until
            if stop or late or now + 1 == until or time.monotonic() - saved >= self.checkpoint_seconds:
                self._save(members)
                saved = time.monotonic()
            if stop or late:
                why = f"signal {stop[0]}" if stop else "its deadline"
                line = f"{self.label} {names}: stopped by {why} after step {now + 1} of {until}"
                raise Stopped(f"{line}; start the same command again to go on from there")

    def _watch(self, members: list[Member], step: int) -> None:
        """Log and validate where the schedule says so."""
        last = step == self.schedule.steps
        if step % self.schedule.log_every and not last:
            return
        for member in members:
            means = self._means(member)
            member.learner.loss_sum.zero_()
            self._check(member, means[0])
            self.watched = member.learner.report(means)
            validated = None
            if self.validation and (last or step % self.schedule.validate_every == 0):
                validated = _validated(member, self.validation)
            point = (member.learner.measured(means), validated)
            rounded = (None if value is None else round(value, 6) for value in point)
            member.history["curve"].append([step, self.schedule.rate(step - 1), *rounded])
            text = f"{self.label} {member.name}: step {step}, {self.watched}"
            text += "" if validated is None else f", validation PSNR {validated:.2f} dB"
            print(text, file=sys.stderr, flush=True)

    def _means(self, member: Member) -> list[float]:
        """Means of what the learner watches since the last line of the log."""
        return (member.learner.loss_sum / self._window(member)).tolist()

    def _save(self, members: list[Member]) -> None:
        for member in members:
            error = self._means(member)[0]
            self._check(member, error if _finite(member.learner.network) else math.nan)
            save_checkpoint(member.checkpoint, member.learner, member.step, member.key, member.history)

    def _check(self, member: Member, error: float) -> None:
        if math.isfinite(error) and error <= member.learner.WORST:
            return
        kept = f"the last good checkpoint is {member.checkpoint}" if member.checkpoint.exists() else "none was kept"
        line = f"{self.label} {member.name}: the loss is {error} at step {member.step}, the training has diverged"
        raise UserError(f"{line}; {kept}; lower learning_rate in its schedule")

    def _window(self, member: Member) -> int:
        """Steps whose losses are in the sum: since the last line of the log, or since the run began."""
        window = member.step % self.schedule.log_every or self.schedule.log_every
        return min(window, member.step - member.history.get("began", 0))

    def _status(self) -> str:
        return self.watched


def _validated(member: Member, validation: Validation) -> float:
    learner, network = member.learner, member.learner.result
    network.eval()
    value = validation.psnr(network, learner.sigma_range[1], learner.layout, learner.halved)
    learner.network.train()
    return value


def _finite(network: nn.Module) -> bool:
    return all(bool(torch.isfinite(parameter).all()) for parameter in network.parameters())


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals that have come so far, of those that ask a job to end; the loop looks after every step."""
    came: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda found, _: came.append(found)) for number in numbers]
    try:
        yield came
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
