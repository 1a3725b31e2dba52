"""Nodes that train in one step, for a limited time."""

import itertools
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.commands.benchmark.peaks import call_rate, synchronise
from redenoise.commands.rent.groups import Node, changed, make, ranges
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.support.errors import Stopped
from redenoise.support.files import read_json, write_json
from redenoise.support.locks import exclusive_all
from redenoise.training.node import Training
from redenoise.training.step import Step

MEASURED = 0.03  # share of the time in which the rate is measured
MARGIN = 0.95  # of the steps that there is time for: validation and checkpoints take some
FEWEST = 3  # steps of a measurement


@dataclass
class Outcome:
    """What became of nodes that trained together.

    Attributes:
        nodes: stage and key of each.
        facts: `steps` of the schedule; `rate` of the group in steps per second and `ready`, the seconds until its first
            step was done, where they were measured.
        done: steps done, by node, then by model.
        state: files that a later call goes on from.
        stopped: why it has not ended, or empty.
    """

    nodes: list[Node]
    facts: dict[str, Any]
    done: dict[Node, dict[str, int]]
    state: list[Path]
    stopped: str


def train(config: Config, nodes: list[Node], deadline: float) -> Outcome:
    """Train nodes in one step, until they have ended or the deadline on the clock of `time.monotonic`.

    At the first call the rate is measured, and a schedule whose rate falls as a cosine gets as many steps as there is
    time for; later calls go on with those.
    """
    stage, label = nodes[0][0], "-".join(key for _, key in nodes)
    kept = paths.checkpoints(config.scale, "rented") / f"{stage}-{label[:100]}.json"
    if kept.exists():
        facts = read_json(kept, dict, ("steps",))
    else:
        facts = plan(config, nodes, deadline)
        write_json(kept, facts)
    trainings = make(changed(config, stage, {"steps": facts["steps"]}), nodes)
    locks = [lock for one in trainings for lock in one.locks(ranges(one))]
    with exclusive_all(locks):
        stopped = _finish(trainings, deadline)
    done = {
        node: dict(zip(ranges(one), (member.step for member in one.members), strict=True))
        for node, one in zip(nodes, trainings, strict=True)
    }
    state = [kept, *(member.checkpoint for one in trainings for member in one.members)]
    return Outcome(nodes, facts, done, state, stopped)


def plan(config: Config, nodes: list[Node], deadline: float) -> dict[str, Any]:
    """Measure the rate of some nodes together, and choose the number of steps; see `train`."""
    trainings = make(config, nodes)
    first = trainings[0]
    source, _ = first.images()
    learners = [one.member(*model).learner for one in trainings for model in ranges(one).items()]
    step, numbers = Step(learners, source, first.seed), itertools.count()
    began = time.monotonic()
    step(next(numbers))
    synchronise(first.device)
    ready = time.monotonic() - began
    seconds = MEASURED * (deadline - time.monotonic())
    rate = call_rate(lambda: step(next(numbers) % first.schedule.steps), seconds, FEWEST, first.device)
    steps = first.schedule.steps
    if first.schedule.curve == "cosine":
        every = first.schedule.log_every
        steps = max(1, int(MARGIN * rate * (deadline - time.monotonic() - ready)) // every) * every
    line = f"{rate:.4g} steps/s of {len(learners)} networks together, ready in {ready:.1f} s; {steps} steps"
    print(f"rent {first.key}: {line}", file=sys.stderr, flush=True)
    return {"steps": steps, "rate": rate, "ready": ready}


def _finish(trainings: list[Training], deadline: float) -> str:
    """Train the members of all trainings in the same steps; returns why they have not ended, or an empty text."""
    first, *others = trainings
    source, validation = first.images()
    for one in trainings:
        one.members = [one.member(*model) for model in ranges(one).items()]
        for member in one.members if others else ():
            member.name = f"{one.key} {member.name}"  # in the log
    try:
        first.finish(source, validation, deadline=deadline, others=others)
    except Stopped as error:
        return str(error)
    return ""
