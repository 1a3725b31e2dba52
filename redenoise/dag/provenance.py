"""What every output was made from, recorded by the stage that made it.

Inputs and sources are hashed before the work starts, so that a change during the work cannot hide behind its result.
"""

import json
import platform
import resource
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from redenoise import instructions
from redenoise.dag import graph, paths
from redenoise.dag.code import ROOT
from redenoise.dag.config import Config
from redenoise.support import git
from redenoise.support.errors import UserError
from redenoise.support.files import plain, sha256_file, sha256_path, write_json
from redenoise.support.locks import exclusive

# What every record holds besides.
FIELDS = {"stage", "params", "inputs", "outputs", "sources", "packages", "python", "seconds", "device", "mode"}
PACKAGES = ("numpy", "pandas", "pillow", "scipy", "scikit-image", "torch", "torchvision", "bm3d", "bm4d", "matplotlib")


def describe_device() -> str:
    """The processor that a stage without a GPU runs on, as the operating system names it."""
    return instructions.described("model name") or platform.processor() or platform.machine()


@contextmanager
def recorded(config: Config, stage: str, key: str | None = None) -> Iterator[dict]:
    """Run a node's work inside this block, alone; its record is written when the block ends well.

    What the node reads must exist before, and what it writes after.

    Yields:
        A dict to which the stage may add facts of its own (device, counts).

    Raises:
        UserError: an input is missing, or is not what the node that made it has recorded.
    """
    node = graph.node(config, stage, key)
    with exclusive(paths.lock(config.scale, node.name), node.title):
        record = _begun(config, node)
        start, used = time.monotonic(), _cpu_seconds()
        yield record
        record["seconds"] = round(time.monotonic() - start, 2)
        record |= {"cpu_seconds": round(_cpu_seconds() - used, 2), **_memory()}
        record.setdefault("instructions", instructions.in_use())
        record["outputs"] = {path: sha256_path(path) for path in node.outputs}
        write_json(node.record, record)


def so_far(config: Config, stage: str, key: str | None = None) -> dict[str, Any]:
    """As `recorded`, of a node that works with those of its inputs that are there; no record is written."""
    node = graph.node(config, stage, key)
    return _begun(config, replace(node, inputs=tuple(path for path in node.inputs if Path(path).exists())))


def _begun(config: Config, node: graph.Node) -> dict[str, Any]:
    """What a record holds before the work begins."""
    return {
        "stage": node.stage,
        "key": node.key,
        "scale": config.scale,
        "mode": "reference",
        "params": config.node_params(node.stage, node.key),
        "inputs": hash_inputs(config, node.inputs),
        "sources": hash_code(node.code),
        "device": describe_device(),
        "python": platform.python_version(),
        "packages": package_versions(),
        **commit(),
    }


def hash_code(files: Iterable[str]) -> dict[str, str]:
    """SHA-256 of files of code, by their names from the root of the project."""
    return {name: sha256_file(ROOT / name) for name in files}


def _cpu_seconds() -> float:
    """Seconds that all processors together have worked for this process and its finished children."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _memory() -> dict[str, Any]:
    """The largest memory so far of this process or one of its children, in MB; of the GPU likewise, None without one.

    A process that does several nodes reports the largest of them up to each.
    """
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
    found = {"peak_memory_mb": round(max(resource.getrusage(one).ru_maxrss for one in who) * unit / 1e6, 1)}
    torch = sys.modules.get("torch")  # a stage that has not imported it has used no GPU
    used = torch.cuda.max_memory_allocated() if torch is not None and torch.cuda.is_initialized() else None
    return found | {"peak_gpu_memory_mb": None if used is None else round(used / 1e6, 1)}


def require(config: Config, inputs: Iterable[str | Path]) -> dict[str, graph.Node]:
    """The node that makes each built input, by path; raises `UserError` if one is missing."""
    names = [Path(path).as_posix() for path in inputs]
    built = (name for name in names if name.startswith("build/"))
    makers = {name: maker for name in built if (maker := graph.maker(config, name))}
    for name in names:
        if not Path(name).exists():
            todo = f"`{makers[name].command}`" if name in makers else "the stage that makes it"
            raise UserError(f"{name}: this input is missing; run {todo} first")
    return makers


def hash_inputs(config: Config, inputs: Iterable[str | Path]) -> dict[str, str]:
    """SHA-256 of every input by path.

    Raises:
        UserError: an input is missing, or is not what the node that made it has recorded.
    """
    makers, hashes = require(config, inputs), {}
    for name in (Path(path).as_posix() for path in inputs):
        hashes[name] = found = sha256_path(name)
        maker = makers.get(name)
        if maker is None or not Path(maker.record).exists():
            continue  # nobody knows what it should be
        recorded = read(maker.record)["outputs"].get(name)
        if recorded not in (None, found):
            line = f"{name}: changed since `{maker.title}` wrote it (SHA-256 {found[:12]}…, recorded {recorded[:12]}…)"
            raise UserError(f"{line}; delete it and run `{maker.command}` again")
    return hashes


def read(path: str | Path) -> dict[str, Any]:
    """A provenance record; raises `UserError` if it is missing or damaged."""
    try:
        record = json.loads(plain(path).read_text(encoding="utf-8"))
        if not isinstance(record, dict) or not set(record) >= FIELDS:
            raise ValueError("fields are missing")
        if not all(isinstance(record[name], dict) for name in ("params", "inputs", "outputs", "sources", "packages")):
            raise ValueError("fields are of another kind")
        return record
    except FileNotFoundError:
        raise UserError(f"{path}: no provenance; run the stage that makes it") from None
    except (ValueError, RecursionError, OSError):
        raise UserError(f"{path}: damaged, expected a provenance record; delete it and run its stage again") from None


@lru_cache
def package_versions() -> dict[str, str]:
    """Versions of the installed packages on which results can depend."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@lru_cache
def commit() -> dict[str, Any]:
    """The commit of the sources, and whether tracked files other than reports differ from it.

    Where git cannot tell, both are None and `no_commit` says why, as does a line on the terminal.
    """
    status = ("status", "--porcelain=v2", "--branch", "--untracked-files=no", "--", ".", ":!reports", ":!dvc.lock")
    try:
        head, *lines = git.ask(ROOT, *status).decode("utf-8", "replace").splitlines()
        found = head.removeprefix("# branch.oid ")
        if found == "(initial)":
            raise git.GitError("this repository has no commit yet")
        return {"commit": found, "uncommitted_changes": not all(line.startswith("# ") for line in lines)}
    except git.GitError as error:
        print(f"warning: no commit is recorded: {error}", file=sys.stderr, flush=True)
        return {"commit": None, "uncommitted_changes": None, "no_commit": str(error)}
