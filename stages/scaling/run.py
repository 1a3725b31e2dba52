"""What planning costs for a grid of several sizes, measured in scratch copies whose nodes do nothing but make files."""

import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from stages.common import provenance
from stages.common.config import Config
from stages.plan import graph
from stages.scaling import project, slurm
from stages.scaling.measure import run

SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", "all"]
SLURM = [*SNAKEMAKE, "--profile", "slurm", "--latency-wait", "5"]
DVC = [sys.executable, "-m", "dvc"]
# Commands in the order in which they are run; each finds what those before it have left.
COMMANDS = {
    "plan": [sys.executable, "-m", "stages.plan", "--json"],
    "dry run": [*SNAKEMAKE, "--dry-run"],
    "run": SNAKEMAKE,
    "no-op run": SNAKEMAKE,
    "dvc commit": [*DVC, "commit", "--force", "--quiet"],
    "dvc status": [*DVC, "status"],
    "no-op dvc repro": [*DVC, "repro"],
}
NEEDS = {"no-op run": "run", "dvc commit": "run", "dvc status": "dvc commit", "no-op dvc repro": "dvc commit"}
SLURM_RUN, SLURM_JOB = "run through Slurm", "one job of Slurm"
NOT_TRIED = {"ended": False, "tried": False}
PACKAGES = ("snakemake", "snakemake-executor-plugin-slurm", "dvc")
WAITED_FOR = re.compile(r"--wait-for-files-file \S+")  # a file that is gone when a job is run again

Record = dict[str, Any]


def measure(scale: str, sizes: list[int], limit: float, with_slurm: bool, say: Callable[[str], None]) -> Record:
    """Measure all sizes of the grid.

    Args:
        sizes: how many times as large as the scale's own grid, ascending.
        limit: seconds of processor time after which a command is ended. What has not ended at one size is not tried
            at a larger one.
        with_slurm: also run through the Slurm profile, with stand-ins for Slurm's commands.
        say: takes a line of progress.

    Returns:
        `machine`, `limit`, `scale`, and `sizes`: for each its `times`, the `load` of the machine, `counts`, and
        `usage` by command: the fields of `Usage`, and whether it was `tried`.
    """
    record: Record = {"scale": scale, "limit": limit, "machine": describe(), "sizes": []}
    given_up: set[str] = set()
    for times in sizes:
        with tempfile.TemporaryDirectory(prefix="redenoise-scaling-") as name:
            record["sizes"].append(_one_size(Path(name), scale, times, limit, with_slurm, given_up, say))
    return record


def describe() -> Record:
    """The machine and the programs that are measured."""
    found = {name: metadata.version(name) for name in PACKAGES}
    load = os.getloadavg()[0]
    processor, cores = provenance.describe_device(), os.cpu_count()
    return {"processor": processor, "cores": cores, "load": load, "python": platform.python_version(), **found}


def _one_size(
    folder: Path, scale: str, times: int, limit: float, with_slurm: bool, given_up: set[str], say: Callable[[str], None]
) -> Record:
    """Counts and usage for one size; what does not end is added to `given_up`."""
    copy, other = folder / "local", folder / "slurm"
    settings = project.make(copy, scale, times)
    dag = graph.load(settings, copy)
    usage = _local(copy, limit, given_up, lambda text: say(f"{times} x the grid, {text}"))
    counts = count(settings, dag) | (count_files(copy) if usage["run"]["ended"] else {})
    if with_slurm and SLURM_RUN not in given_up:
        project.make(other, scale, times)
        usage |= _through_slurm(other, folder / "stand-ins", dag, limit)
        counts |= slurm.counts(folder / "stand-ins")
    given_up |= {name for name, found in usage.items() if not found["ended"]}
    return {"times": times, "load": os.getloadavg()[0], "counts": counts, "usage": usage}


def _local(copy: Path, limit: float, given_up: set[str], say: Callable[[str], None]) -> dict[str, Record]:
    """Usage of each of `COMMANDS`."""
    found: dict[str, Record] = {}
    for name, command in COMMANDS.items():
        if name in given_up or not found.get(NEEDS.get(name, ""), {"ended": True})["ended"]:
            found[name] = NOT_TRIED
        else:
            found[name] = {**asdict(run(command, copy, limit)), "tried": True}
            say(f"{name}: {found[name]['wall']:.1f} s, {found[name]['cpu']:.1f} s of CPU")
    return found


def count(settings: Config, dag: graph.Graph) -> dict[str, int]:
    """What a grid consists of: nodes, links between them, declared outputs, bytes of params.yaml and of all records."""
    return {
        "nodes": len(dag.nodes),
        "links between nodes": sum(map(len, dag.upstream.values())),
        "declared outputs": sum(len(node.outputs) for node in dag.nodes),
        "bytes of params.yaml": len(project.params_text(settings.params)),
        "bytes of all nodes' parameters": sum(
            len(json.dumps(settings.node_params(node.stage, node.key))) for node in dag.nodes
        ),
    }


def count_files(folder: Path) -> dict[str, int]:
    """Files after a run: those of the nodes, their logs, and what Snakemake keeps."""
    build, kept = folder / "build", folder / ".snakemake"
    logs = sum(1 for path in build.rglob("*.log"))
    files = sum(1 for place in (build, folder / "reports") for path in place.rglob("*") if path.is_file())
    return {
        "files of nodes": files - logs,
        "log files": logs,
        "files of Snakemake": sum(1 for path in kept.rglob("*") if path.is_file()),
    }


def _through_slurm(copy: Path, folder: Path, dag: graph.Graph, limit: float) -> dict[str, Record]:
    """Usage of a run through the Slurm profile, and of its last job, once more as a node of the cluster runs it."""
    jobs = {f"{node.stage}:{node.key}" if node.key else node.stage: list(node.outputs) for node in dag.nodes}
    environment = {"PATH": f"{slurm.install(folder, jobs)}{os.pathsep}{os.environ['PATH']}"}
    whole = run(SLURM, copy, limit, environment)
    found = {SLURM_RUN: {**asdict(whole), "tried": True}}
    if whole.ended:
        command = WAITED_FOR.sub("", (folder / "command").read_text(encoding="utf-8"))
        for path in (copy / output for job in slurm.submitted(command) for output in jobs[job]):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        job = run(["sh", "-c", command], copy, limit, {**environment, "SLURM_JOB_ID": "1"})
        found[SLURM_JOB] = {**asdict(job), "tried": True}
    return found
