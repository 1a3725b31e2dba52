"""The generated parts of the README and of docs/ are today's, and their links lead somewhere."""

import re
import subprocess
import sys

import pytest
import yaml

from redenoise.commands.main import VERBS
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "workflow").rglob("*.md"))]


def test_picture_of_the_dag_is_what_the_command_makes():
    pytest.importorskip("snakemake", reason="Snakemake is not installed: the picture is not compared")
    command = [sys.executable, "-m", "snakemake", "--rulegraph", "mermaid-js", "--quiet", "all"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shown = re.search(r"```mermaid\n(.*?)```", (ROOT / "docs/architecture.md").read_text("utf-8"), re.DOTALL)[1]
    assert edges(shown) == edges(made)


def edges(graph: str) -> set[tuple[str, str]]:
    """Pairs of rule names; the ids and the order of Mermaid's lines change from run to run."""
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", graph))
    return {(names[start], names[end]) for start, end in re.findall(r"(id\d+) --> (id\d+)", graph)}


def test_counts_are_the_sums_of_the_committed_overview():
    overview = (ROOT / "reports/bench/overview.md").read_text(encoding="utf-8")
    table = re.search(r"## Cells\n\n(.*?)\n\n", overview, re.DOTALL)[1]
    shown = re.search(r"<!-- cells -->\n(.*?)\n<!-- end of cells -->", README, re.DOTALL)[1]
    assert shown == by_paper(table)


def test_what_was_found_is_what_the_committed_overview_says():
    overview = (ROOT / "reports/bench/overview.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- found -->\n(.*?)\n<!-- end of found -->", README, re.DOTALL)[1]
    assert shown.startswith("- Found: ") and f"\n{shown}\n" in overview


def by_paper(table: str) -> str:
    """The overview's table of cells with one row for each paper; the rows of all papers as they are."""
    (_, *names), _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    sums: dict[str, list[int]] = {}
    for place, *counts in rows:
        paper = re.sub(r"\[(\w+)/.*", r"\1", place)
        row = sums.setdefault(paper, [0] * len(names))
        sums[paper] = [before + int(count) for before, count in zip(row, counts, strict=True)]
    lines = [["paper", *names], ["---", *["---:"] * len(names)], *([key, *row] for key, row in sums.items())]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def test_readme_is_short_and_names_every_verb():
    assert len(README.encode()) <= 9 * 1024
    assert set(re.findall(r"^\| `redenoise (\w+)`", README, re.MULTILINE)) == set(VERBS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!http)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8"))
    for path, section in links:
        target = page.parent / path if path else page
        assert target.exists(), path
        if section and target.suffix == ".md":
            assert section in sections(target.read_text(encoding="utf-8")), f"{path}#{section}"


def sections(text: str) -> set[str]:
    """The names by which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_budgets_are_those_of_the_scales():
    text = (ROOT / "README.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\|[^|]*\|[^|]*\| ([^|]*) \|$", text, re.MULTILINE))
    scales = {
        path.stem: yaml.safe_load(path.read_text())["budget"] for path in (ROOT / "workflow/scales").glob("*.yaml")
    }
    assert {name: rows.get(name) for name in scales} == scales
