"""Whether a Slurm cluster has what slurm/cluster.yaml asks for.

Asks sinfo, scontrol, sacctmgr and `sbatch --test-only`, and submits nothing. Prints a line for everything that is wrong
and what to write instead, else where jobs will go.
"""

from pathlib import Path

from redenoise.commands.cluster.check import check_cluster, partitions_here
from redenoise.commands.cluster.resources import (
    CLUSTER,
    RESUMING,
    TO_COPY,
    Request,
    active_scale,
    load_cluster,
    requests,
)
from redenoise.commands.parsing import parser
from redenoise.dag.config import load_config
from redenoise.support.errors import UserError


def describe(path: Path | None = None, scale: str | None = None) -> list[str]:
    """Where the jobs of a scale go and how they ask for GPUs, then a note for everything that is likely not meant.

    Args:
        path: of the cluster file, which `check_cluster` has found to fit; without it that of the Slurm profile.
        scale: without it that of params.yaml.
    """
    cluster, name = load_cluster(path), str(path or CLUSTER)
    scale = scale or active_scale()
    asked = requests(cluster, scale)
    places = [_place(cluster, side, [one for one in asked if one.side == side]) for side in ("cpu", "gpu")]
    lines = [f"{name} fits the cluster at scale {scale}: {', '.join(filter(None, places))}"]
    if path is None and not CLUSTER.exists():
        lines.append(f"note: {name} is not there, so the defaults count; cp {TO_COPY} {name} and edit the copy")
    unused = partitions_here() if cluster["gpu"]["ask"] == "none" else {}
    if having := [partition for partition, found in unused.items() if partition and found.models()]:
        lines.append(f"note: gpu.ask is none, so nothing will use the GPUs of {', '.join(having)}; set gpu.ask: gpu")
    return lines + _shortened(asked)


def _place(cluster: dict, side: str, asked: list[Request]) -> str:
    """Where the jobs of one side go; empty if it has none."""
    if not asked:
        return ""
    where = f"partition {cluster[side]['partition']}" if cluster[side]["partition"] else "the default partition"
    how = {"gpu": " (--gpus=1)", "gres": " (--gres=gpu:1)"}.get(cluster["gpu"]["ask"], "") if side == "gpu" else ""
    return f"jobs {'with' if side == 'gpu' else 'without'} GPUs in {where}{how}"


def _shortened(asked: list[Request]) -> list[str]:
    """Jobs that get less time than they ask for, and are no trainings, which would go on from a checkpoint."""
    lines = []
    for side in ("cpu", "gpu"):
        cut = [
            request for request in asked
            if request.side == side and request.stage not in RESUMING and request.gather_minutes is None
            and request.max_minutes is not None and request.max_minutes < request.minutes
        ]  # fmt: skip
        if cut:
            names = ", ".join(request.stage for request in cut)
            hours = max(request.minutes * request.together for request in cut) / 60
            lines.append(f"note: {side}.max_hours is below what jobs of {names} ask for, up to {hours:g} h")
    return lines


def check(path: Path | None, scale: str | None) -> str:
    """Hold a cluster file against the cluster; says where jobs will go.

    Raises:
        UserError: something does not fit; the lines above say what. Or the scale is not known.
    """
    scale = load_config(scale).scale
    problems = check_cluster(path, scale)
    for problem in problems:
        print(problem)
    if problems:
        count = f"{len(problems)} problem" + ("s" if len(problems) > 1 else "")
        raise UserError(f"{path or CLUSTER}: {count} at scale {scale}, see above; correct and check again")
    return "\n".join(describe(path, scale))


def main(arguments: list[str] | None = None) -> None:
    """Command line of the check."""
    options = parser("cluster", __doc__)
    text = f"the cluster file (default: {CLUSTER})"
    options.add_argument("--file", type=Path, metavar="FILE", help=text)
    given = options.parse_args(arguments)
    print(check(given.file, given.scale))
