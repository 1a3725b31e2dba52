"""What the jobs of each stage ask Slurm for: the cluster file, and the Snakemake options that it makes.

`workflow/profiles/slurm/profile.yaml` takes its values from here, so that rules and stages know nothing of Slurm.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from redenoise.dag.config import PARAMS, ROOT, SCALES, check, read_yaml
from redenoise.dag.table import MEASURING
from redenoise.support.errors import UserError, choices

CLUSTER = Path("slurm/cluster.yaml")  # through the link that also is the name of the profile
EXAMPLE = ROOT / "workflow/profiles/slurm/cluster.example.yaml"
TO_COPY = CLUSTER.with_name(EXAMPLE.name)  # how messages call it
# Stages that go on from a checkpoint: the end of their run time is not a failure.
RESUMING = ("train", "task", "cascade")
# A shard gets its minutes this many times: its share may be a larger one, and its machine a slower one.
MARGIN = 2
# For a node that only gathers what its shards have made, however large.
GATHER_MINUTES = 60
# The most that memory and run time of a job that is submitted again grow.
GROWTH = 3


@dataclass(frozen=True)
class Request:
    """What one node of a stage asks for.

    Attributes:
        stage: its stage, which is the name of its rule; `<stage>_shard` for a shard of it.
        side: `cpu` or `gpu`, the section of the cluster file that it runs under.
        cpus: cores.
        mb: memory, in units of 10^6 bytes.
        minutes: run time.
        gpus: 0 or 1.
        together: how many nodes one Slurm job holds at most, which run one after another.
        attempts: how many times a job may be submitted.
        max_mb: most memory that one may ask for, or None.
        max_minutes: longest run time that one may ask for, or None.
        gather_minutes: run time where shards have done the work, at a scale that has some; else None.
    """

    stage: str
    side: str
    cpus: int
    mb: int
    minutes: int
    gpus: int
    together: int
    attempts: int
    max_mb: int | None
    max_minutes: int | None
    gather_minutes: int | None = None

    def job(self, last: bool = False) -> tuple[int, int, int]:
        """Cores, memory in MB and minutes of a Slurm job full of such nodes, at the first or at the last attempt."""
        factor = min(self.attempts, GROWTH) if last else 1
        mb, minutes = self.mb * factor, self.minutes * factor
        mb = mb if self.max_mb is None else min(mb, self.max_mb)
        minutes = minutes if self.max_minutes is None else min(minutes, self.max_minutes)
        return self.cpus, mb, minutes * self.together


def load_cluster(path: Path | None = None) -> dict[str, Any]:
    """The defaults of cluster.example.yaml with what a user's copy changes.

    Args:
        path: the copy; without it `CLUSTER` is taken where it exists.

    Raises:
        UserError: the file is missing or not YAML, or a key is unknown or wrong; the line names its path.
    """
    cluster = read_yaml(EXAMPLE)
    if path is None and not CLUSTER.exists():
        return cluster
    path = path or CLUSTER
    if not path.exists():
        raise UserError(f"{path}: not found; copy {TO_COPY} there and edit the copy")
    own = read_yaml(path)
    if own is None:  # nothing but comments
        return cluster
    check(own, "cluster", path)
    names = sorted(file.stem for file in SCALES.glob("*.yaml"))
    for scale in own.get("scales") or {}:
        if scale not in names:
            raise UserError(f"{path}: 'scales.{scale}' is not a scale; {choices(scale, names)}")
    return _merged(cluster, own)


def active_scale(arguments: Sequence[str] = ()) -> str | None:
    """The scale that a command line of Snakemake names (`--config scale=NAME`), else that of params.yaml."""
    given = [argument.removeprefix("scale=") for argument in arguments if argument.startswith("scale=")]
    params = read_yaml(PARAMS)
    return given[-1] if given else params.get("scale") if isinstance(params, dict) else None


def requests(cluster: dict[str, Any], scale: str | None) -> list[Request]:
    """What every stage that runs under Slurm asks for at a scale, and what the shards of its nodes do."""
    own = cluster["scales"].get(scale) or {}
    asked = [
        _request(cluster, stage, {**entry, **(own.get("every") or {}), **(own.get(stage) or {})})
        for stage, entry in cluster["stages"].items()
    ]
    path = SCALES / f"{scale}.yaml"
    minutes = (read_yaml(path) or {}).get("shard_minutes") if path.exists() else None
    if not minutes:
        return asked
    gather, shard = (math.ceil(of * cluster["factors"]["time"]) for of in (GATHER_MINUTES, MARGIN * minutes))
    measuring = [request for request in asked if request.stage in MEASURING]
    asked = [replace(one, gather_minutes=min(one.minutes, gather)) if one in measuring else one for one in asked]
    return asked + [
        replace(one, stage=f"{one.stage}_shard", minutes=shard, together=1, max_minutes=_minutes(cluster, one.side, 1))
        for one in measuring
    ]


def snakemake_options(arguments: Sequence[str]) -> dict[str, Any]:
    """Options of Snakemake's command line that follow from the cluster file, by name; None for those to leave out.

    Snakemake reads a profile before its configuration, so the scale is looked for where it will look.

    Args:
        arguments: Snakemake's command line.
    """
    cluster = load_cluster()
    asked = requests(cluster, active_scale(arguments))
    grouped = [request for request in asked if request.together > 1]
    return {
        "jobs": cluster["jobs"],
        "retries": cluster["retries"],
        "preemptible-rules": list(RESUMING),
        "preemptible-retries": cluster["restarts"],
        "slurm-status-command": "sacct" if cluster["accounting"] else "squeue",
        "slurm-init-seconds-before-status-checks": cluster["poll_seconds"],
        "default-resources": {"tmpdir": repr(cluster["scratch"])} if cluster["scratch"] else None,
        "set-resources": {request.stage: rule_resources(cluster, request) for request in asked},
        "groups": {request.stage: request.stage for request in grouped} or None,
        "group-components": {request.stage: request.together for request in grouped} or None,
        # The Slurm executor runs the nodes of a group one after another: without this Snakemake would ask for the cores
        # and the memory of several at once, and for too little time.
        "resources": {"turn": 1},
        "set-resource-scopes": {"turn": "local"},
    }


def profile_options() -> dict[str, Any]:
    """`snakemake_options` for the profile: what is wrong with the cluster file ends Snakemake with one line."""
    try:
        return snakemake_options(sys.argv)
    except UserError as error:
        sys.exit(f"error: {error}")


def rule_resources(cluster: dict[str, Any], request: Request) -> dict[str, Any]:
    """The resources of one rule; strings are expressions that Snakemake evaluates for every attempt."""
    warning = cluster["warning_seconds"]
    # Without `B:`, so that Slurm signals the processes of the stage and not the shell that waits for them.
    extra = [f"--signal=TERM@{warning}" if warning else "", cluster["extra"] or ""]
    where, minutes = cluster[request.side], str(request.minutes)
    if request.gather_minutes is not None:  # a node whose work its shards have done, see its rule, needs only the few
        minutes = f"({request.gather_minutes} if input.shards else {request.minutes})"
    values = {
        "cpus_per_task": request.cpus,
        "mem_mb": _growing(request.mb, request.max_mb),
        "runtime": _growing(minutes, request.max_minutes),
        "turn": 1,
        "slurm_partition": where["partition"],
        "slurm_account": cluster["account"],
        "qos": where["qos"],
        "constraint": where["constraint"],
        "slurm_extra": " ".join(filter(None, extra)) or None,
        **gpu_resources(cluster, request),
    }
    words = ("slurm_partition", "slurm_account", "qos", "constraint", "slurm_extra", "gres", "gpu_model")
    # Quoted: a partition may bear the name of something that Python knows, such as `long` or `all`.
    return {name: repr(str(value)) if name in words else value for name, value in values.items() if value is not None}


def gpu_resources(cluster: dict[str, Any], request: Request) -> dict[str, Any]:
    """How a rule asks for its GPUs: `--gpus` is `gpu` for the Slurm executor, `--gres` is `gres`."""
    gpu = cluster["gpu"]
    if not request.gpus:
        return {}
    if gpu["ask"] == "gres":
        return {"gres": ":".join(filter(None, ("gpu", gpu["model"], str(request.gpus))))}
    return {"gpu": request.gpus, "gpu_model": gpu["model"]}


def _request(cluster: dict[str, Any], stage: str, entry: dict[str, Any]) -> Request:
    gpus = entry["gpus"] if cluster["gpu"]["ask"] != "none" else 0
    side = "gpu" if gpus else "cpu"
    gb = cluster[side]["max_gb"]
    return Request(
        stage=stage,
        side=side,
        cpus=entry["cpus"],
        mb=math.ceil(1000 * entry["gb"] * cluster["factors"]["memory"]),
        minutes=math.ceil(60 * entry["hours"] * cluster["factors"]["time"]),
        gpus=gpus,
        together=entry["together"],
        attempts=1 + cluster["restarts" if stage in RESUMING else "retries"],
        max_mb=None if gb is None else max(1, int(1000 * gb)),
        max_minutes=_minutes(cluster, side, entry["together"]),
    )


def _minutes(cluster: dict[str, Any], side: str, together: int) -> int | None:
    """Longest run time that each of the nodes of one job may ask for."""
    hours = cluster[side]["max_hours"]
    return None if hours is None else max(1, int(60 * hours) // together)


def _growing(value: int | str, most: int | None) -> str:
    grown = f"{value} * min(attempt, {GROWTH})"
    return grown if most is None else f"min({grown}, {most})"


def _merged(default: Any, own: Any) -> Any:
    """`own` over `default`, key by key; an empty section keeps its defaults."""
    if not isinstance(default, dict):
        return own
    own = own or {}
    changed = {key: _merged(default[key], own[key]) if key in default else own[key] for key in own}
    return {**default, **changed}
