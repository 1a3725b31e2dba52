"""What the report says of weights: schedules, levels without weights, learning curves, the figures' bytes."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.document import latex, markdown
from redenoise.support import csv_tables
from stages.report import drawing, figures, layout, training, weights
from stages.report import node as stage
from stages.report.join import compare
from stages.report.tables import TABLES
from tests.report_project import card, fake_rows, make_project, page, write_record, write_results

SPEC = next(table for table in TABLES if table.key == "liu2020/table2_kodak")
REASON = "no weights of proposed for sigma25 are released | 100 % yet"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """A function that makes a project with results of every node at one scale, the working directory being its root."""
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


@pytest.fixture
def partly(project) -> Config:
    """Scale bench with one released network of the proposed denoiser; nothing is measured at the other levels."""
    config = project("bench")
    write_record(config, "train", "proposed", models={"sigma35": card(12000, sha256="ab", restarts=["began | again"])})
    authors = {"origin": "published weights color.mat"}
    write_record(config, "train", "dncnn_color", models={f"sigma{level}": authors for level in (25, 35, 50)})
    write_results(config, "kodak-proposed", [row for row in fake_rows(config, "kodak-proposed") if "sigma=35" in row])
    levels = {"sigma=25": REASON, "sigma=50": REASON}
    write_record(config, "evaluate", "kodak-proposed", unavailable_levels=levels)
    return config


def test_a_method_names_the_schedule_of_its_weights(partly):
    context = stage.load_context(partly)

    def behind(method: str) -> str:
        return weights.behind(partly, context.records, "Kodak", method)

    assert behind("Proposed") == "sigma 35: schedule modern, 12,000 of 40,000 steps, mode fast; began | again"
    assert behind("DnCNN") == "published weights"
    assert behind("CBM3D") == "", "a method without weights"
    models = {"sigma25": card(), "sigma35": card(7), "sigma50": card()}
    write_record(partly, "train", "proposed", models=models)
    context = stage.load_context(partly)
    assert behind("Proposed") == (
        "sigma 25, 50: schedule modern, 40,000 of 40,000 steps, mode fast; "
        "sigma 35: schedule modern, 7 of 40,000 steps, mode fast"
    )


def test_a_level_without_weights_says_why_in_its_cells_and_on_the_page(partly):
    context = stage.load_context(partly)
    comparison = compare(SPEC, context)
    for item in ("01", "average"):
        row = comparison.printed[item, "sigma=25", "Proposed", "psnr"]
        assert (row.status, row.note) == ("not run", REASON)
    assert comparison.printed["average", "sigma=35", "Proposed", "psnr"].status == "own training"
    document = layout.document(comparison, context)
    lines = markdown.render(document).splitlines()
    methods = next(line for line in lines if line.startswith("| Proposed "))
    escaped = REASON.replace("|", "\\|")
    assert "| sigma 35: schedule modern, 12,000 of 40,000 steps, mode fast; began \\| again |" in methods
    assert f"| sigma 25 not run: {escaped}; sigma 50 not run: {escaped} |" in methods
    assert r"\textbar{} 100 \% yet; sigma 50 not run" in latex.render(document)


def curves_of(config: Config) -> str:
    return csv_tables.text(training.CURVE_COLUMNS, training.curves(config, stage.load_context(config).records))


def test_learning_curves_have_fixed_decimals_and_a_header_at_least(partly):
    header = "family,model,step,learning_rate,training_psnr,validation_psnr\n"
    assert curves_of(partly) == header + (
        "proposed,sigma35,100,0.002000000,24.1234,\n"
        "proposed,sigma35,200,0.000000080,26.0000,30.2500\n"
        "proposed,sigma35,12000,0.000000000,27.0000,30.5000\n"
    )
    write_record(partly, "train", "proposed", unavailable="no weights of proposed are released yet")
    assert curves_of(partly) == header


def test_the_training_page_leaves_hours_and_devices_to_the_provenance(partly):
    stage.run(partly)
    found, provenance = page(partly, "training.md"), page(partly, "provenance.md")
    line = next(line for line in found.splitlines() if line.startswith("| proposed ") and " released " in line)
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    assert cells == [
        "proposed",
        "sigma35",
        "released",
        "modern",
        "12,000",
        "40,000",
        "fast",
        r"began \| again",
        "30.500",
    ]
    assert re.search(r"\| dncnn_color +\| sigma25, sigma35, sigma50 +\| published weights color.mat +\|", found)
    assert re.search(
        r"\| proposed +\| sigma25, sigma50 +\| no weights of proposed for sigma25 are released \\\| 100 %", found
    )
    assert "a GPU" not in found and "1.250" not in found
    assert re.search(r"\| proposed +\| sigma35 +\| 12,000 of 40,000 +\| fast +\| a GPU +\| +1.250 \|", provenance)
    targets = re.findall(r"\]\((?!http)([^)#]+)", found + page(partly, "overview.md"))
    assert "figures/learning_curves.svg" in targets and "training.md" in targets
    assert [target for target in targets if not (paths.reports("bench") / target).exists()] == []


def test_notes_count_parameters_at_every_scale_and_name_the_schedule(partly):
    stage.run(partly)
    found = page(partly, "notes.md")
    assert re.search(r"\| s2_skip_e128_d128 +\| +384k \| +384,000 \| +\+0 ✓ \|", found)
    made = r"schedule modern, 12,000 of 40,000 steps, mode fast; began \\\| again"
    assert re.search(rf"\| liu2020/table2_kodak +\| +35 \| +30.83 \| +30.528 \| -0.302 ○ \| {made} \|", found)
    assert re.search(r"\| Kodak +\| +35 \| +30.528 \| +\d+.\d+ \| +[+-]", found), "the border's table"


def drawn(config: Config, name: str) -> str:
    """A figure of the report, drawn once more from the CSV files that it wrote."""
    return drawing.svg(figures.drawn(config, name))


def test_equal_numbers_give_equal_bytes_of_both_figures(partly):
    stage.run(partly)
    for name in figures.DRAWN:
        text = page(partly, f"figures/{name}.svg")
        assert text == drawn(partly, name)
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert "<dc:date>" not in text and "Matplotlib v" not in text
        assert "fill: #ffffff" in text, "a white ground"
    assert "σ = 35, Kodak" in page(partly, "figures/learning_curves.svg")


def test_a_figure_without_data_says_so(project):
    config = project("bench")
    for key in config.keys("evaluate"):
        if key.startswith("kodak-s") or key == "kodak-proposed":
            write_results(config, key, [])
    stage.run(config)
    assert "No training at this scale" in page(config, "figures/learning_curves.svg")
    assert "printed values alone" in page(config, "figures/parameters_psnr.svg")


def test_the_demo_draws_no_printed_point(project):
    config = project("demo")
    stage.run(config)
    text = page(config, "figures/parameters_psnr.svg")
    assert "miniature networks on stand-in images" in text
    assert ">measured<" in text and ">printed<" not in text
