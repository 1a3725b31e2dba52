"""Whether a cluster has what the cluster file names and asks for, found out before anything is submitted."""

import getpass
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.commands.cluster.resources import CLUSTER, Request, active_scale, gpu_resources, load_cluster, requests
from redenoise.support.errors import UserError, choices

# States in which a node takes no jobs, however long one waits; sinfo marks one that does not answer with `*`.
UNUSABLE = ("down", "drain", "fail", "error", "unknown", "perfctrs", "inval", "future")
FORGOTTEN = 3  # the Slurm executor trusts squeue if finished jobs stay in it for as many looks


@dataclass(frozen=True)
class Nodes:
    """Nodes of one kind in one partition: how many cores, MB of memory and GPUs of each model a node has."""

    cpus: int
    mb: int
    gpus: dict[str, int]
    usable: bool


@dataclass(frozen=True)
class Partition:
    """A partition: whether it is up, its longest run time in minutes (None: unlimited), its nodes."""

    up: bool
    minutes: float | None
    nodes: tuple[Nodes, ...]

    def models(self) -> set[str]:
        """Kinds of GPUs; one is "" where the cluster does not name them, and there is none where it has no GPUs."""
        return {model for nodes in self.nodes for model in nodes.gpus}


def check_cluster(path: Path | str | None = None, scale: str | None = None) -> list[str]:
    """Compare a cluster file with the cluster, by sinfo, scontrol, sacctmgr and `sbatch --test-only`; submits nothing.

    Args:
        path: of the cluster file; without it that of the Slurm profile, or its defaults where there is none.
        scale: whose jobs to check; without it that of params.yaml.

    Returns:
        What is wrong, one line each, ending in what to do; empty if every stage's jobs can run.

    Raises:
        UserError: the cluster file is wrong, or Slurm cannot be asked.
    """
    cluster = load_cluster(Path(path) if path else None)
    name = str(path or CLUSTER)
    asked = requests(cluster, scale or active_scale())
    partitions = partitions_here()
    problems = _accounting(cluster, name)
    for side in ("cpu", "gpu"):
        of_side = [request for request in asked if request.side == side]
        if of_side:
            problems += _limited(name, of_side) + _partition_problems(cluster, name, of_side, partitions)
    return problems or _refused(cluster, name, asked)


def partitions_here() -> dict[str, Partition]:
    """The partitions of this cluster, see `read_partitions`; raises `UserError` if Slurm cannot be asked."""
    return read_partitions(_slurm("sinfo", "--noheader", "--exact", "--format=%P|%a|%l|%c|%m|%G|%T"))


def read_partitions(text: str) -> dict[str, Partition]:
    """Partitions by name from lines of `sinfo --format=%P|%a|%l|%c|%m|%G|%T`; the default one also as ""."""
    found: dict[str, tuple[bool, float | None, list[Nodes]]] = {}
    for line in text.splitlines():
        partition, available, limit, cpus, mb, gres, state = (field.strip() for field in line.split("|"))
        usable = not state.endswith("*") and not state.startswith(UNUSABLE)
        nodes = Nodes(int(cpus.rstrip("+")), int(mb.rstrip("+")), read_gpus(gres), usable)
        name = partition.rstrip("*")
        for key in {name, "" if partition.endswith("*") else name}:
            found.setdefault(key, (available == "up", read_minutes(limit), []))[2].append(nodes)
    return {name: Partition(up, minutes, tuple(nodes)) for name, (up, minutes, nodes) in found.items()}


def read_gpus(gres: str) -> dict[str, int]:
    """GPUs by model from a node's generic resources, such as `gpu:a100:4(S:0-1),nvme:1`; "" where it names none."""
    counts: dict[str, int] = {}
    for model, count in re.findall(r"(?:^|,)gpu(?::([^:(),]+))??(?::(\d+))?(?=[(,]|$)", gres):
        counts[model] = counts.get(model, 0) + int(count or 1)
    return counts


def read_minutes(limit: str) -> float | None:
    """Minutes of a time limit as Slurm prints it, such as `1-00:00:00` or `30:00`; None for no limit."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if not match:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (24 * days + hours) * 60 + minutes + seconds / 60


def sbatch_options(cluster: dict[str, Any], request: Request) -> list[str]:
    """The options of sbatch for a Slurm job full of one stage's nodes, as the Slurm executor spells them."""
    cpus, mb, minutes = request.job()
    where, gpus = cluster[request.side], gpu_resources(cluster, request)
    options = [f"--time={minutes}", f"--mem={mb}", f"--cpus-per-task={cpus}"]
    named = {"partition": where["partition"], "account": cluster["account"], "qos": where["qos"]}
    named |= {"constraint": where["constraint"], "gres": gpus.get("gres")}
    if "gpu" in gpus:
        named["gpus"] = ":".join(str(part) for part in (gpus["gpu_model"], gpus["gpu"]) if part is not None)
    options += [f"--{name}={value}" for name, value in named.items() if value is not None]
    return options + shlex.split(cluster["extra"] or "")


def _partition_problems(
    cluster: dict[str, Any], name: str, asked: list[Request], partitions: dict[str, Partition]
) -> list[str]:
    """What is wrong with where the requests of one side go."""
    side = asked[0].side
    listed = str(cluster[side]["partition"] or "").split(",")
    known = [partition for partition in partitions if partition]
    unknown = [partition for partition in listed if partition not in partitions]
    if unknown == [""]:
        return [f"{name}: {side}.partition is empty and the cluster has no default; {choices('', known)}"]
    if unknown:
        text = f"{side}.partition {unknown[0]!r} is not a partition here; {choices(unknown[0], known)}"
        return [f"{name}: {text}"]
    problems = []
    for partition in listed:
        found, called = partitions[partition], repr(partition) if partition else "the default partition"
        if not found.up:
            problems.append(f"{name}: {side}.partition: {called} is not up; name another one, or wait for it")
        else:
            lacks = (_time(side, found, asked), _gpus(cluster, partitions, found, asked), _size(side, found, asked))
            problems += [f"{name}: {side}.partition: {called} {text}" for text in lacks if text]
    return problems


def _time(side: str, partition: Partition, asked: list[Request]) -> str:
    """Run times above the partition's limit, also those of jobs that are submitted again."""
    longest = {request.stage: request.job(last=True)[2] for request in asked}
    if partition.minutes is None or max(longest.values()) <= partition.minutes:
        return ""
    hours = partition.minutes / 60
    over = [stage for stage, minutes in longest.items() if minutes > partition.minutes]
    worst = f"up to {max(longest.values()) / 60:g} h when submitted again"
    together = max(request.together for request in asked if longest[request.stage] == max(longest.values()))
    worst += f", for {together} nodes in one job" if together > 1 else ""
    return f"ends jobs after {hours:g} h, {_stages(over)} may ask for {worst}; set {side}.max_hours: {hours:g}"


def _gpus(cluster: dict[str, Any], partitions: dict[str, Partition], partition: Partition, asked: list[Request]) -> str:
    """GPUs that no node has."""
    wanting = [request.stage for request in asked if request.gpus]
    model, models = cluster["gpu"]["model"], partition.models()
    if not wanting or (models and (model is None or model in models)):
        return ""
    others = [name for name, other in partitions.items() if name and other.models()]
    if not models:
        instead = f"with GPUs: {', '.join(others)}" if others else "no partition has any, set gpu.ask: none"
        return f"has no GPUs, {_stages(wanting)} ask for one; {instead}"
    return f"has no GPU {model!r}; " + (choices(model, sorted(models)) if any(models) else "leave gpu.model empty")


def _size(side: str, partition: Partition, asked: list[Request]) -> str:
    """Cores and memory that no usable node has."""
    suited = [nodes for nodes in partition.nodes if side == "cpu" or nodes.gpus]
    usable = [nodes for nodes in suited if nodes.usable]
    if not usable:
        return "has no node in service; name another one, or wait for it" if suited else ""
    cores, most = max(nodes.cpus for nodes in usable), max(nodes.mb for nodes in usable)
    if names := [request.stage for request in asked if request.job()[0] > cores]:
        return f"has no node with more than {cores} cores, {_stages(names)} ask for more; lower {_keys(names, 'cpus')}"
    # sinfo counts in units of 2^20 bytes, as sbatch does with what the executor passes on.
    if over := [request for request in asked if request.mb > most]:
        return f"has no node with more than {most} MB, {_memory(over)}"
    if names := [request.stage for request in asked if request.job(last=True)[1] > most]:
        least = f"set {side}.max_gb: {most // 1000}"
        return f"has no node with more than {most} MB, {_stages(names)} may ask for more when submitted again; {least}"
    return ""


def _limited(name: str, asked: list[Request]) -> list[str]:
    """Jobs that the cluster file gives less memory than they need from the beginning."""
    side, most = asked[0].side, asked[0].max_mb
    if most is None or not (over := [request for request in asked if request.mb > most]):
        return []
    return [f"{name}: {side}.max_gb is {most / 1000:g}, {_memory(over)}"]


def _memory(over: list[Request]) -> str:
    """Who needs how much, and what to do."""
    names = [request.stage for request in over]
    wanted = max(request.mb for request in over) / 1000
    keys = _keys(names, "gb")
    return f"{_stages(names)} ask for up to {wanted:g} GB; name a partition with larger nodes, or lower {keys}"


def _keys(stages: Iterable[str], option: str) -> str:
    """Where the cluster file says it; a shard asks for what its stage does."""
    return ", ".join(dict.fromkeys(f"stages.{stage.removesuffix('_shard')}.{option}" for stage in stages))


def _accounting(cluster: dict[str, Any], name: str) -> list[str]:
    """Whether the executor will learn how jobs ended, and may charge the account."""
    settings = dict(re.findall(r"^(\w+)\s+= (.*?)\s*$", _slurm("scontrol", "show", "config"), re.MULTILINE))
    keeps = settings.get("AccountingStorageType", "") == "accounting_storage/slurmdbd"
    account = cluster["account"]
    if cluster["accounting"] and not keeps:
        return [f"{name}: accounting is true, but this cluster keeps no accounting; set accounting: false"]
    if account is not None and not keeps:
        return [f"{name}: account is {account!r}, but this cluster keeps no accounting; leave account empty"]
    if account is None and not shutil.which("sacct"):
        return ["sacct: not found; the Slurm executor needs the command also without accounting, install slurm-client"]
    digits = re.match(r"\d+", settings.get("MinJobAge", ""))
    age = int(digits[0]) if digits else 0
    if not cluster["accounting"] and not keeps and age < FORGOTTEN * cluster["poll_seconds"]:
        seconds = f"set poll_seconds: {max(1, age // FORGOTTEN)}"
        return [f"{name}: squeue forgets a finished job after {age} s, before the executor has looked; {seconds}"]
    if account is not None:
        user = getpass.getuser()
        listed = _slurm("sacctmgr", "--noheader", "--parsable2", "show", "assoc", f"user={user}", "format=account")
        known = sorted({line.strip() for line in listed.splitlines() if line.strip()})
        if known and str(account).lower() not in known:
            return [f"{name}: account {account!r} is not one of {user}'s; {choices(account, known)}"]
    return []


def _refused(cluster: dict[str, Any], name: str, asked: list[Request]) -> list[str]:
    """What Slurm itself says to each kind of job, without submitting it; once for each answer."""
    stages: dict[tuple[str, ...], list[str]] = {}
    for request in asked:
        stages.setdefault(tuple(sbatch_options(cluster, request)), []).append(request.stage)
    answers: dict[str, tuple[list[str], str]] = {}
    for options, names in stages.items():
        done = _run("sbatch", "--test-only", "--output=/dev/null", *options, "--wrap=true")
        if done.returncode != 0:
            answers.setdefault(_first(done), ([], shlex.join(options)))[0].extend(names)
    return [
        f"{name}: Slurm refuses jobs of {_stages(names)}: {why}; this is what to try: sbatch --test-only {options} "
        "--wrap=true"
        for why, (names, options) in answers.items()
    ]


def _stages(names: Iterable[str]) -> str:
    names = list(names)
    return f"stage {names[0]}" if len(names) == 1 else f"stages {', '.join(names)}"


def _run(*command: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        where = "run this where Slurm's commands are, such as a login node"
        raise UserError(f"{command[0]}: not found on this machine; {where}") from None


def _slurm(*command: str) -> str:
    done = _run(*command)
    if done.returncode != 0:
        todo = "run this on a login node, or ask the administrators"
        raise UserError(f"{' '.join(command[:3])}: Slurm does not answer: {_first(done)}; {todo}")
    return done.stdout


def _first(done: subprocess.CompletedProcess) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
    return re.sub(r"^\w+: (?:error: )?", "", lines[0])
