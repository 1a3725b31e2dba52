"""The machine that a benchmark measures, and what its reports have in common."""

import argparse
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

import torch

from redenoise import instructions
from redenoise.dag import provenance
from redenoise.document import markdown
from redenoise.measure import torch_mode
from redenoise.support.errors import UserError
from redenoise.support.files import write_json, write_text
from redenoise.support.locks import beside, exclusive

OUTPUT = Path("reports/benchmark")


def describe_machine(device: torch.device, cores: int) -> dict[str, Any]:
    """The device that trains and what it runs with."""
    on_gpu = device.type == "cuda"
    return {
        "kind": device.type,
        "device": torch_mode.device_facts(device)["device"],
        "processor": provenance.describe_device(),
        "instructions": instructions.widest(),
        "cores": cores,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if on_gpu else None,
        "cudnn": torch.backends.cudnn.version() if on_gpu else None,
    }


def slug(machine: dict[str, Any]) -> str:
    """Name of a machine's report: its device, of a processor also the number of cores, in lower case with hyphens."""
    name = machine["device"] if machine["kind"] == "cuda" else f"{machine['device']} {machine['cores']} cores"
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "device"


def commit() -> str | None:
    """The commit of the sources, with `-dirty` where tracked files differ from it; None outside a repository."""
    found = provenance.commit()
    return f"{found['commit']}{'-dirty' if found['uncommitted_changes'] else ''}" if found["commit"] else None


def store(target: Path, record: dict[str, Any], page: str) -> Path:
    """Write a benchmark's page and, beside it, its record; returns the page's path."""
    with exclusive(beside(target), str(target)):
        write_json(target.with_suffix(".json"), record)
        write_text(target, page)
    return target


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def options(parser: argparse.ArgumentParser, seconds: float) -> argparse.ArgumentParser:
    """The options that the benchmarks share; `seconds`: the default."""
    text = f"about how long each measurement lasts (default: {seconds:g})"
    parser.add_argument("--seconds", type=_positive, default=seconds, metavar="S", help=text)
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FOLDER", help=f"default: {OUTPUT}")
    return parser


def _positive(text: str) -> float:
    if not 0 < (value := float(text)) < float("inf"):
        raise UserError(f"--seconds: found {text}, expected a number above 0; correct it")
    return value


def say(text: str) -> None:
    """A line of progress."""
    print(f"benchmark: {text}", file=sys.stderr, flush=True)


def table(headers: list[str], rows: list[list[str]], words: int = 1) -> str:
    """A table in Markdown whose first `words` columns stand to the left and all others to the right."""
    return markdown.grid(headers, rows, ["left" if place < words else "right" for place in range(len(headers))])
