"""The report's pages on hand-made results: layout, bold, alignment, the demo's heading, LaTeX."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.document import markdown, store
from redenoise.document.model import PRINTED
from stages.report import node as stage
from stages.report import outputs
from stages.report.tables import ALL_TABLES, PAPERS, TABLES
from tests.report_project import make_project, page, table_rows, write_record, write_results


@pytest.fixture
def reporting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """A function that makes a project with results of every node at one scale, the working directory being its root."""
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """The report of a project with results of every node at scale bench, to read only."""
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = make_project(folder, "bench")
        stage.run(config)
        yield config


def test_the_reason_of_unavailable_data_reaches_cells_and_pages(reporting):
    config = reporting("bench")
    write_results(config, "kodak-dncnn", [])
    write_record(config, "evaluate", "kodak-dncnn", unavailable="Kodak: no source could be reached")
    stage.run(config)
    row = table_rows(config, "liu2020/table2_kodak")["Kodak", "01", "sigma=25", "DnCNN", "psnr"]
    assert (row["status"], row["note"]) == ("not run", "Kodak: no source could be reached")
    assert "Kodak: no source could be reached" in page(config, "liu2020/table2_kodak.md")
    assert "Kodak: no source could be reached" in page(config, "overview.md")


def test_records_from_before_instructions_were_kept_are_said_to_be_older(reporting):
    config = reporting("bench")
    write_record(config, "evaluate", "kodak-dncnn", instructions="AVX2")
    stage.run(config)
    assert "- Instructions: AVX2; not known of older records\n" in page(config, "overview.md")


def test_the_demo_is_never_compared(reporting):
    config = reporting("demo")
    stage.run(config)
    for spec in TABLES:
        rows = table_rows(config, spec.key)
        assert {row["status"] for row in rows.values()} == {"not run", "unprinted"}
        assert {row["dataset"] for row in rows.values()} == {spec.dataset, f"demo:{spec.dataset}"}
        for suffix in ("md", "tex"):
            assert "stand-in images and tiny networks" in page(config, f"{spec.key}.{suffix}").replace("\n", " ")
    row = table_rows(config, "liu2018/table1_kodak")["Kodak", "01", "sigma=25", "DnCNN", "psnr"]
    assert row["note"].startswith("demo scale: stand-in images")
    assert re.search(
        r"^\| stand-in0 +\| +\*{0,2}\d+\.\d{3}\*{0,2} \|", page(config, "liu2018/table1_kodak.md"), re.MULTILINE
    )
    assert "Not measured at the demo scale" in page(config, "notes.md")
    assert json.loads(page(config, "metrics.json"))["liu2018/table1_kodak"]["sigma=25"]["DnCNN"]["psnr"] > 0


FINDINGS = {
    "DnCNN": ["On Kodak it is the models for one noise level"],
    "CBM3D": ["what shifts a whole column is the implementation"],
    "": ["The last three columns leave out", '"Usual Δ" is the median'],
}


def test_the_notes_tell_only_what_was_measured(reporting):
    """A finding stands where its methods were measured; nothing else in the text changes."""
    everything = sum(FINDINGS.values(), [])
    config = reporting("bench")
    stage.run(config)
    complete = page(config, "notes.md")
    assert [text for text in everything if text not in complete] == []
    write_results(config, "kodak-cbm3d", [])
    stage.run(config)
    found = page(config, "notes.md")
    assert [text for text in everything if text not in found] == FINDINGS["CBM3D"]
    config = reporting("demo")
    stage.run(config)
    found = page(config, "notes.md")
    assert [text for text in everything if text in found] == []
    for text in (complete, found):
        assert "{{" not in text and "\n\n\n" not in text and "There is a hint in print" in text


def test_a_key_of_a_paper_is_explained_before_it_is_used(bench):
    for name, papers in (("notes.md", PAPERS), ("overview.md", {spec.paper for spec in ALL_TABLES})):
        text = page(bench, name)
        for key in papers:
            line = re.search(rf"^.*{key}.*$", text, re.MULTILINE)[0]
            assert line.startswith(f'- `{key}`: {PAPERS[key].short}, "{PAPERS[key].title}"')
        assert text.count("https://doi.org/10.1109/TIP.2017.2662206") == 1


def test_worst_deviations_say_their_order_and_point_to_explanations(bench):
    text = page(bench, "overview.md").partition("## Worst deviations")[2].partition("\n## ")[0]
    assert "Sorted not by |Δ| but by |Δ| divided by the tolerance of the cell" in text
    notes = [row.split(" | ")[-1].strip(" |") for row in text.splitlines() if re.search(r", C?BM3D, .* ✗ ", row)]
    assert notes and "-" not in notes
    target = re.search(
        r"notes\.md#([\w-]+)", next(note for note in notes if "an implementation of this project" in note)
    )[1]
    headings = re.findall(r"^#+ (.*)$", page(bench, "notes.md"), re.MULTILINE)
    assert target in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_stage_says_where_its_report_is(reporting, capsys):
    stage.run(reporting("bench"))
    assert capsys.readouterr().out == "report: reports/bench/overview.md\n"


def test_the_best_values_are_bold_in_their_own_columns(bench):
    line = next(line for line in page(bench, "liu2020/table2_kodak.md").splitlines() if line.startswith("| 01 "))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    # Printed: Proposed 29.76 is the best. Reproduced: DnCNN, since the results of Proposed are made 0.3 dB too low.
    assert cells == ["01", "29.13", "29.430", "+0.300 ✗", "28.66", "28.650", "-0.010 ✓", "29.75", "**29.754**",
                     "+0.004 ✓", "29.65", "29.647", "-0.003 ✓", "**29.76**", "29.460", "-0.300 ✗"]  # fmt: skip


def test_tables_of_a_page_are_aligned(bench):
    for name in (path.relative_to("reports/bench") for path in outputs("bench") if path.suffix == ".md"):
        for block in page(bench, str(name)).split("\n\n"):
            lines = block.splitlines()
            if lines[0].startswith("|"):
                assert len({len(line) for line in lines}) == 1, f"{name}: {lines[0]}"


def test_pages_for_reviewers(bench):
    overview = page(bench, "overview.md")
    assert "Worst deviations" in overview
    assert re.search(r"`build/bench/download/kodak` +\| abababababab ", overview)
    assert "0123456789ab" not in overview, "commits belong to provenance.md"
    assert "0123456789ab" in page(bench, "provenance.md")
    found = page(bench, "notes.md")
    assert "{{" not in found and " 27.76 |" in found and "CDnCNN-B" in found
    assert re.search(r"s2_skip_e256_d256, Proposed, parameters +\| +1,780k ", found), "a suspect that was counted"
    header, *lines = page(bench, "averages.csv").splitlines()
    assert header == "dataset,method,sigma,psnr" and "CBSD68,FFDNet,25,31.2070" in lines


def test_tex_is_complete_and_escaped(bench):
    for spec in ALL_TABLES:
        text = page(bench, f"{spec.key}.tex")
        begun, ended = re.findall(r"\\begin\{(\w+)\}", text), re.findall(r"\\end\{(\w+)\}", text)
        assert sorted(begun) == sorted(ended) and text.isascii()
        for rows in re.findall(r"\\begin\{tabular\}(.*?)\\end\{tabular\}", text, re.DOTALL):
            body = [line for line in rows.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
            assert len({len(re.findall(r"(?<!\\)&", line)) for line in body}) == 1


@pytest.mark.usefixtures("latex")
def test_tex_compiles_alone(bench, tmp_path):
    for spec in ALL_TABLES:
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"-output-directory={tmp_path}"]
        path = paths.reports("bench") / f"{spec.key}.tex"
        result = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout[-2000:]


def test_a_method_not_printed_at_a_noise_level_has_no_column_there(bench):
    headers = [line for line in page(bench, "liu2018/table1_kodak.md").splitlines() if line.startswith("| image")]
    assert ["TNRD" in header for header in headers] == [True, False, True]


def test_every_page_is_there_as_data_too(bench):
    for name in (path.relative_to("reports/bench").as_posix() for path in outputs("bench") if path.suffix == ".md"):
        found = store.read(paths.reports("bench") / name.replace(".md", ".json"))
        assert found.name == name.removesuffix(".md")
        assert markdown.render(found) == page(bench, name)


def test_a_cell_leads_to_its_value_and_that_to_its_node(bench):
    for spec in ALL_TABLES:
        found = store.read(paths.reports("bench") / f"{spec.key}.json")
        rows = table_rows(bench, spec.key)
        assert [value.place for value in found.values] == [(spec.key, *place) for place in rows]
        for value in found.values:
            row = rows[value.place[1:]]
            assert (value.printed, value.status, value.note) == (row["published"], row["status"], row["note"])
            assert value.reproduced == (float(row["reproduced"]) if row["reproduced"] else None)
            assert value.reproduced is None or (paths.build("bench") / "provenance" / f"{value.node}.json").is_file()
        cells = [cell for part in found.sections for table in part.tables for row in table.rows for cell in row]
        printed = [cell for cell in cells if cell.shows == PRINTED and found.values[cell.value].metric != "params"]
        assert all(cell.text == found.values[cell.value].printed for cell in printed)
        assert spec.key != "liu2020/table2_kodak" or len(printed) == 375


def test_values_say_what_they_belong_to(bench):
    scopes = {}
    for spec in ALL_TABLES:
        for value in store.read(paths.reports("bench") / f"{spec.key}.json").values:
            scopes.setdefault(value.scope, set()).add(value.item)
    assert {"01", "C.man", "test001"} <= scopes["image"] and "average" not in scopes["image"]
    assert scopes["average"] == {"average", *(scopes["network"] - {""})}, "the PSNR of a design is an average too"
