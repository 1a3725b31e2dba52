"""What every output was made from, recorded by the stage that made it.

Inputs and sources are hashed before the work starts, so that a change during the work cannot hide behind its result.
"""

import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from redenoise.dag import paths
from redenoise.dag.config import ROOT, Config
from redenoise.dag.producers import command, producers
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_bytes, sha256_file, sha256_path, write_json, write_text
from redenoise.support.locks import exclusive

# Modules of redenoise/models/denoisers that every training imports. The networks themselves come on top one by one: a new one, or
# a change of one, must not train all others again.
SHARED_NETWORKS = tuple(f"redenoise/models/denoisers/{name}.py" for name in ("__init__", "matconvnet", "weights"))
# What a recognition needs besides the denoiser in front of the task.
MEASURING = (
    "stages/common",
    "stages/evaluate",
    "stages/recognition",
    "stages/synthesize",
    "redenoise/models/recognizers",
)
# What the code of a stage consists of: files and packages of stages/, and the manifests that download reads. The rules
# and dvc.yaml name the same files.
SOURCES = {
    "download": ("stages/common", "stages/download", "workflow/manifests"),
    "leakage": ("stages/common", "stages/synthesize"),
    "released": ("stages/common", "stages/download"),
    "synthesize": ("stages/common", "stages/synthesize"),
    "train": ("stages/common", *SHARED_NETWORKS, "redenoise/models/denoisers/{network}.py", "stages/train"),
    "architecture": ("stages/common", "stages/evaluate", "redenoise/models/denoisers"),
    "evaluate": ("stages/common", "stages/evaluate", "redenoise/models/denoisers"),
    "baseline": ("redenoise/models/filters", "stages/common", "stages/evaluate"),
    "labelled": ("stages/common", "stages/download", "stages/labelled", "workflow/manifests"),
    "task": (
        "stages/cascade",
        "stages/common",
        "stages/download",
        "redenoise/models/denoisers",
        "redenoise/models/recognizers",
        "stages/train",
    ),
    "cascade": (
        "stages/cascade",
        "stages/common",
        "redenoise/models/denoisers",
        "redenoise/models/recognizers",
        "stages/train",
    ),
    "recognition": (*MEASURING, "redenoise/models/denoisers"),
    "recognition_baseline": (*MEASURING, *SHARED_NETWORKS, "redenoise/models/filters"),
    "illustrate": (
        *MEASURING,
        "redenoise/models/filters",
        "stages/cascade",
        "stages/illustrate",
        "redenoise/models/denoisers",
    ),
    "report": ("published", "stages/common", "stages/report"),
}
# What every record holds besides.
FIELDS = {"stage", "params", "inputs", "outputs", "sources", "packages", "python", "seconds", "device", "mode"}
PACKAGES = ("numpy", "pandas", "pillow", "scipy", "scikit-image", "torch", "torchvision", "bm3d", "bm4d", "matplotlib")


def sources(stage: str, network: str = "") -> list[str]:
    """Files and folders of a stage's code, relative to the root of the project; `network` is that of a family."""
    return sorted({name.format(network=network) for name in SOURCES[stage]})


def source_files(stage: str, network: str = "") -> list[str]:
    """The files among or inside `sources`, sorted; caches and hidden files left out."""
    names = []
    for source in sources(stage, network):
        path = ROOT / source
        files = [path] if path.is_file() else (file for file in path.rglob("*") if file.is_file())
        names += [file.relative_to(ROOT).as_posix() for file in files]
    return sorted(name for name in names if "__pycache__" not in name and "/." not in name)


def source_listings(stage: str, network: str = "") -> dict[str, str]:
    """For each of `sources` one line for each of its files: name and SHA-256."""
    lines = {source: "" for source in sources(stage, network)}
    for name in source_files(stage, network):
        source = next(source for source in lines if name == source or name.startswith(f"{source}/"))
        lines[source] += f"{name} {sha256_file(ROOT / name)}\n"
    return lines


def source_hashes(stage: str, network: str = "") -> dict[str, str]:
    """SHA-256 of each of `source_listings`, by name: what a record holds."""
    return {source: sha256_bytes(text.encode()) for source, text in source_listings(stage, network).items()}


def listing_path(scale: str, digest: str) -> Path:
    """Where the listing of that SHA-256 is kept, to tell later which file of a folder has changed."""
    return paths.build(scale) / "sources" / f"{digest}.txt"


def read_listing(scale: str, digest: str | None) -> dict[str, str]:
    """File to SHA-256 of a listing that was kept; empty where there is none, or not the one of that SHA-256."""
    try:
        text = listing_path(scale, str(digest)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    return parse_listing(text) if sha256_bytes(text.encode()) == digest else {}


def parse_listing(listing: str) -> dict[str, str]:
    """File to SHA-256 of one of `source_listings`."""
    return dict(line.rsplit(" ", 1) for line in listing.splitlines())


def describe_device() -> str:
    """The processor that a stage without a GPU runs on, as the operating system names it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


@contextmanager
def recorded(config: Config, stage: str, key: str | None, inputs: list[Path], outputs: list[Path]) -> Iterator[dict]:
    """Run a node's work inside this block, alone; its provenance is written when the block ends well.

    Args:
        inputs: files and folders that the node reads; all must exist.
        outputs: files and folders that exist once the block has ended.

    Yields:
        A dict to which the stage may add facts of its own (device, counts).

    Raises:
        UserError: an input is missing, or is not what the node that made it has recorded.
    """
    name = f"{stage} {key}" if key else stage
    with exclusive(paths.lock(config.scale, name.replace(" ", "-")), name):
        record = _begun(config, stage, key, inputs)
        listings = record.pop("listings")
        start, used = time.monotonic(), _cpu_seconds()
        yield record
        record["seconds"] = round(time.monotonic() - start, 2)
        record |= {"cpu_seconds": round(_cpu_seconds() - used, 2), **_memory()}
        record["outputs"] = {path.as_posix(): sha256_path(path) for path in outputs}
        for source, digest in record["sources"].items():
            if not (path := listing_path(config.scale, digest)).exists():
                write_text(path, listings[source])
        write_json(paths.provenance(config.scale, stage, key), record)


def _begun(config: Config, stage: str, key: str | None, inputs: list[Path]) -> dict[str, Any]:
    """What a record holds before the work begins; `listings` are those of `source_listings`."""
    listings = source_listings(stage, config.network(stage, key))
    return {
        "listings": listings,
        "stage": stage,
        "key": key,
        "scale": config.scale,
        "mode": config.params["mode"],
        "params": config.node_params(stage, key),
        "inputs": hash_inputs(config, inputs),
        "sources": {source: sha256_bytes(text.encode()) for source, text in listings.items()},
        "device": describe_device(),
        "python": platform.python_version(),
        "packages": package_versions(),
        **commit(),
    }


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
    used = torch is not None and torch.cuda.is_initialized()
    return found | {"peak_gpu_memory_mb": round(torch.cuda.max_memory_allocated() / 1e6, 1) if used else None}


def require(config: Config, inputs: list[Path]) -> dict[Path, tuple[str, str | None]]:
    """Stage and key of what makes each built path, see `producers`; raises `UserError` if an input is missing."""
    built = any(Path(path).is_relative_to(paths.build(config.scale)) for path in inputs)
    nodes = producers(config) if built else {}
    for path in map(Path, inputs):
        if not path.exists():
            todo = f"`{command(config.scale, *nodes[path])}`" if path in nodes else "the stage that makes it"
            raise UserError(f"{path}: this input is missing; run {todo} first")
    return nodes


def hash_inputs(config: Config, inputs: list[Path]) -> dict[str, str]:
    """SHA-256 of every input by path.

    Raises:
        UserError: an input is missing, or is not what the node that made it has recorded.
    """
    nodes, hashes = require(config, inputs), {}
    for path in map(Path, inputs):
        hashes[path.as_posix()] = found = sha256_path(path)
        if path in nodes:
            _check_unchanged(config.scale, path, found, *nodes[path])
    return hashes


def _check_unchanged(scale: str, path: Path, found: str, stage: str, key: str | None) -> None:
    """Raise `UserError` if an output is not what its node has recorded; where there is no record, nobody knows."""
    record = paths.provenance(scale, stage, key)
    recorded = read(record)["outputs"].get(path.as_posix()) if record.exists() else None
    if recorded not in (None, found):
        name = f"{stage} {key}" if key else stage
        line = f"{path}: changed since `{name}` wrote it (SHA-256 {found[:12]}…, recorded {recorded[:12]}…)"
        raise UserError(f"{line}; delete it and run `{command(scale, stage, key)}` again")


def read(path: Path) -> dict[str, Any]:
    """A provenance record; raises `UserError` if it is missing or damaged."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
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
    """The commit of the sources, and whether tracked files other than reports differ from it."""

    def git(*args: str) -> str | None:
        try:
            result = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=False)
        except OSError:
            return None
        return result.stdout.strip() if result.returncode == 0 else None

    # Without optional locks: several nodes may ask at once, beside a commit of the user's.
    status = ("--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    changed = git(*status, "--", ".", ":!reports", ":!dvc.lock")
    return {"commit": git("rev-parse", "HEAD"), "uncommitted_changes": None if changed is None else bool(changed)}
