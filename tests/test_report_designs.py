"""The table of network designs: counts, averages, verdicts, and what the demo compares."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.dag.config import ROOT, Config
from redenoise.document import latex, markdown
from redenoise.support import csv_tables
from stages.report import designs, published, values
from stages.report import node as stage
from stages.report.rows import Comparison
from stages.report.tables import DESIGN_TABLES, TABLES
from tests.report_project import (
    card,
    fake_rows,
    make_project,
    page,
    printed_counts,
    table_rows,
    write_counts,
    write_record,
    write_results,
)

SPEC = DESIGN_TABLES[0]
FIRST, CHOSEN = "s2_skip_e128_d128", "s3_skip_e128_d256"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """A function that makes a project with results of every node at one scale, the working directory being its root."""
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


def join(config: Config) -> dict[tuple[str, str, str], dict[str, str]]:
    """The CSV rows of the table by data set, item and metric."""
    context = stage.load_context(config)
    text = values.csv_text(SPEC, tuple(map(values.value, designs.compare(SPEC, context).rows)))
    rows = csv_tables.parse(text, "table", [*values.CSV_COLUMNS, *values.SPREAD_COLUMNS], "")
    return {(row["dataset"], row["item"], row["metric"]): row for row in rows}


def page_of(config: Config) -> tuple[Comparison, str]:
    context = stage.load_context(config)
    comparison = designs.compare(SPEC, context)
    return comparison, markdown.render(designs.document(comparison, context))


def test_every_printed_row_is_declared_in_the_order_of_the_paper():
    cells = published.load_cells(ROOT / "published")
    found = [cell for cell in cells if (cell.paper, cell.table) == (SPEC.paper, SPEC.table)]
    assert list(dict.fromkeys(cell.item for cell in found)) == [design.item for design in SPEC.designs]
    assert {cell.method for cell in found} == {SPEC.method}
    assert {cell.dataset for cell in found} == {"", SPEC.dataset}
    behind = {design.item: (design.family, design.measured) for design in SPEC.designs}
    assert behind[CHOSEN] == ("proposed", "Proposed")
    assert behind[FIRST] == (FIRST, f"Proposed {FIRST}")
    assert SPEC.designs[1].shown == ("2", "no", "(128, 32, 32, 128)", "(256, 64, 64, 256)")


@pytest.mark.parametrize(
    ("away", "delta", "status"), [(0, "+0", "reproduced"), (-500, "-500", "reproduced"), (501, "+501", "off")]
)
def test_a_count_is_reproduced_if_it_rounds_to_the_printed_thousands(project, away, delta, status):
    config = project("bench")
    write_counts(config, printed_counts() | {FIRST: 384000 + away})
    row = join(config)["", FIRST, "params"]
    assert (row["published"], row["reproduced"], row["delta"]) == ("384000", str(384000 + away), delta)
    assert (row["status"], row["condition"], row["unit"]) == (status, "", "count")


def test_averages_have_the_verdict_of_averages(project):
    config = project("bench")
    rows = join(config)
    row = rows["Kodak", FIRST, "psnr"]
    assert (row["published"], row["reproduced"], row["delta"]) == ("30.41", "30.4000", "-0.0100")
    assert (row["status"], row["condition"], row["method"]) == ("reproduced", "sigma=35", "Proposed")
    assert rows["Kodak", CHOSEN, "psnr"]["status"] == "off", "measured as `Proposed`, 0.3 dB too low"
    assert len(rows) == 24


def test_a_row_without_results_says_why(project):
    config = project("bench")
    for item, facts in {
        FIRST: {"unavailable": f"no weights of {FIRST} are published or released yet"},
        "s2_skip_e128_d256": {"unavailable_levels": {"sigma=35": "no weights for sigma35 yet"}},
        "s2_skip_e256_d256": {},
    }.items():
        write_results(config, f"kodak-{item}", [])
        write_record(config, "evaluate", f"kodak-{item}", **facts)
    write_results(config, "kodak-s4_skip_e256_d256", fake_rows(config, "kodak-s4_skip_e256_d256")[2:])
    counts = printed_counts()
    del counts["s4_skip_e256_d256"]
    write_counts(config, counts)
    rows = join(config)
    notes = {item: rows["Kodak", item, "psnr"]["note"] for _, item, metric in rows if metric == "psnr"}
    assert notes[FIRST] == f"no weights of {FIRST} are published or released yet"
    assert notes["s2_skip_e128_d256"] == "no weights for sigma35 yet"
    assert notes["s2_skip_e256_d256"] == "node kodak-s2_skip_e256_d256 measured nothing"
    assert notes["s4_skip_e256_d256"].endswith("did not measure every image of Kodak at sigma=35")
    missing = rows["", "s4_skip_e256_d256", "params"]
    assert missing["status"] == "not run" and missing["note"].startswith("no entry of params.yaml defines the family")
    found = page_of(config)[1]
    assert re.search(rf"\| {FIRST} +\| Proposed {FIRST} +\| - +\| no weights of {FIRST} are", found)


def test_the_demo_compares_counts_and_nothing_else(project):
    config = project("demo")
    rows = join(config)
    assert {key[2]: row["status"] for key, row in rows.items() if key[0] == ""} == {"params": "reproduced"}
    assert {row["status"] for key, row in rows.items() if key[0] == "Kodak"} == {"not run"}
    shown = rows["demo:Kodak", FIRST, "psnr"]
    assert (shown["status"], shown["published"], shown["delta"]) == ("unprinted", "", "")
    assert len([key for key in rows if key[0] == "demo:Kodak"]) == 12
    found = page_of(config)[1]
    assert "24 printed cells: 12 reproduced, 0 off, 0 own training, 12 not run." in found
    assert "always counted on the full-size networks" in found
    assert "30.41" not in found, "no printed PSNR beside that of a miniature"


def test_the_page_shows_print_verdict_and_the_schedule_of_each_row(project):
    config = project("bench")
    write_counts(config, printed_counts() | {"s3_skip_e256_d256": 2212099})
    write_record(config, "train", FIRST, models={"sigma35": card(12000)})
    write_record(config, "train", "proposed", models={"sigma25": card(1), "sigma35": card(40000, "liu2020")})
    comparison, found = page_of(config)
    line = next(line for line in found.splitlines() if "2,212,099" in line)
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "3", "yes", "(256, 64, 64, 256)", "(256, 64, 64, 256)", "2,198k [2]", "2,212,099", "+14,099 ✗", "30.87",
        "30.860", "-0.010 ✓"]  # fmt: skip
    assert "2. suspected misprint (weak): the released network definition" in found
    assert re.search(r"\*\*3\*\* .*\*\*\(256, 64, 64, 256\)\*\* \| +1,026k ", found), "the chosen design is bold"
    assert f"| Proposed {FIRST}   | schedule modern, 12,000 of 40,000 steps, mode fast " in found
    assert re.search(rf"\| {CHOSEN} +\| Proposed +\| schedule liu2020, 40,000 of 40,000 steps, mode fast ", found)
    text = latex.render(designs.document(comparison, stage.load_context(config)))
    assert r"s3\_skip\_e256\_d256" in text and r"+14,099 $\times$" in text and text.isascii()


def test_designs_are_counted_in_the_overview_and_are_no_extra_methods(project):
    config = project("bench")
    stage.run(config)
    overview = page(config, "overview.md")
    assert re.search(
        r"\| \[liu2020/table1_architecture\]\(liu2020/table1_architecture.md\) +\| +24 \| +23 \|", overview
    )
    assert re.search(rf"\| liu2020/table1_architecture +\| Proposed {FIRST} +\| Proposed {FIRST} ", overview)
    metrics = json.loads(page(config, "metrics.json"))[SPEC.key]
    assert metrics["any noise level"][f"Proposed {FIRST}"] == {"params": 384000}
    assert metrics["sigma=35"][f"Proposed {CHOSEN}"]["psnr"] == pytest.approx(30.53, abs=0.005)
    for spec in TABLES:
        if spec.dataset == "Kodak":
            methods = {key[3] for key in table_rows(config, spec.key)}
            assert "Proposed" in methods and not any("_e128_" in method for method in methods)
