"""The pages of docs/ that say how to extend the project, followed to the letter; docs/extending.md has the rules."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.checkouts import run, snakemake
from tests.conftest import ROOT

BLOCK = re.compile(r"^```\w+\n# (write|append to|add to|run)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REDENOISE = 'redenoise() { python -m redenoise "$@"; }'  # as `make setup` installs it
NAMES = [
    f"adding-a-{what}" for what in ("denoiser", "filter", "degradation", "test-set", "table", "paper", "task-network")
]


@dataclass(frozen=True)
class Step:
    """One block of a page: what is done with its text, and the file that this is about."""

    what: str
    file: str
    text: str


def steps(name: str) -> list[Step]:
    """All that a page says to do, in its order."""
    page = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    return [Step(what, file, text) for what, file, text in BLOCK.findall(page)]


def follow(folder: Path, step: Step) -> None:
    """Do in a checkout what one block says."""
    if step.what == "run":
        run(folder, "bash", "-euo", "pipefail", "-c", f"{REDENOISE}\n{step.text}")
        return
    path = folder / step.file
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    assert bool(before) == (step.what != "write"), step.file
    path.write_text(inserted(before, step.text) if step.what == "add to" else before + step.text, encoding="utf-8")


def inserted(before: str, entries: str) -> str:
    """A YAML file with each entry of some sections put at the end of the section of that name."""
    sections = re.findall(r"^(\w+):\n((?:  .*\n)+)", entries, re.MULTILINE)
    assert "".join(f"{name}:\n{lines}" for name, lines in sections) == entries
    for name, lines in sections:
        section = re.compile(rf"^{name}:\n(?:(?:  .*)?\n)*(?:  .*\n)", re.MULTILINE)
        before, count = section.subn(lambda match, lines=lines: match[0] + lines, before)
        assert count == 1, name
    return before


def to_run(folder: Path) -> set[str]:
    """Names of the nodes that a run would make, by the plan."""
    answer = run(folder, sys.executable, "-m", "redenoise", "plan", "--json")
    return set(json.JSONDecoder().raw_decode(answer)[0]["nodes"])


def planned(folder: Path) -> set[str]:
    """The same, about which the plan and Snakemake are of one mind."""
    nodes = to_run(folder)
    shown = re.findall(r"^ +output: (.*)$", snakemake(folder, "--dry-run"), re.MULTILINE)
    records = {Path(path) for line in shown for path in line.split(", ") if path.endswith(".json")}
    made = {path.stem for path in records if path.parent.name == "provenance" or path.name == "report.json"}
    assert made == nodes
    return nodes
