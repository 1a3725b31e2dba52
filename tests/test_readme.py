"""The generated parts of the READMEs are today's."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT

README, WORKFLOW = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "workflow/README.md"))


def test_picture_of_the_dag_is_what_the_command_makes():
    pytest.importorskip("snakemake", reason="Snakemake is not installed: the picture is not compared")
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", "--quiet", "all"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shown = re.search(r"```mermaid\n(.*?)```", WORKFLOW, re.DOTALL)[1]
    assert edges(shown) == edges(made)


def edges(graph: str) -> set[tuple[str, str]]:
    """Pairs of rule names; the ids and the order of Mermaid's lines change from run to run."""
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", graph))
    return {(names[start], names[end]) for start, end in re.findall(r"(id\d+) --> (id\d+)", graph)}


def test_counts_are_those_of_the_committed_overview():
    overview = (ROOT / "reports/bench/overview.md").read_text(encoding="utf-8")
    table = re.search(r"## Cells\n\n(.*?)\n\n", overview, re.DOTALL)[1]
    shown = re.search(r"<!-- cells -->\n(.*?)\n<!-- end of cells -->", README, re.DOTALL)[1]
    assert shown.replace("](reports/bench/", "](") == table


def test_links_lead_somewhere():
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
