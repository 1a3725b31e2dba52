"""The pages of docs/ that say how to extend the project are done to the letter, and lead where they say."""

import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.checkouts import copied, run
from tests.conftest import ROOT
from tests.pages import NAMES, follow, planned, steps, to_run

pytest.importorskip("snakemake", reason="Snakemake is not installed: the pages are not followed")
CODE = ["config", "code", "published", "papers"]  # the tests that look at what somebody has added


# What each page makes new, in an order in which they can be followed one after the other in one checkout; the last two
# end in a run that makes all that the others have left.
NEW = {
    "adding-a-denoiser": {"train-mynet", "evaluate-kodak-mynet", "architecture"},
    "adding-a-filter": {"filter-kodak-gaussian", "recognize_filtered-classification-gaussian"},
    "adding-a-degradation": {"degrade-kodak-shot", "restore-kodak-shot-cdncnn_b"},
    "adding-a-test-set": {
        *("download-holiday", "leakage-holiday-train400", "leakage-holiday-cbsd432", "leakage-holiday-t91"),
        *("leakage-holiday-t91_bsd200", "leakage-holiday-t91_train400"),
        *("synthesize-holiday", "evaluate-holiday-cdncnn_b", "filter-holiday-bm3d"),
    },
    "adding-a-task-network": {"task-tiny", "recognize-tiny-dncnn", "recognize_filtered-tiny-noisy", "architecture"},
    "adding-a-paper": set(),
    "adding-a-table": set(),
}


@pytest.mark.parametrize("name", NEW)
def test_both_engines_know_what_a_page_makes_new(finished_checkout: Path, tmp_path: Path, name: str):
    """Before anything of it is run, in a checkout in which everything is up to date and no other page was followed."""
    folder = copied(finished_checkout, tmp_path / "checkout")
    pages = ["adding-a-paper", name] if name == "adding-a-table" else [name]  # the table is one of that paper
    for page in pages:
        assert steps(page)[-1].what == "run", page
        for step in steps(page)[:-1]:
            follow(folder, step)
    assert planned(folder) == {*NEW[name], "report"}


@pytest.fixture(scope="module")
def reports(finished_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a checkout in which all pages were followed to their ends, and nothing is left to be made."""
    assert {*NEW} == {*NAMES}
    folder = copied(finished_checkout, tmp_path_factory.mktemp("docs") / "checkout")
    for name in NEW:
        for step in steps(name):
            follow(folder, step)
    assert to_run(folder) == set()
    return folder / "reports/demo"


def averages(reports: Path, method: str) -> pd.DataFrame:
    """What the report has averaged of one method."""
    found = pd.read_csv(reports / "averages.csv")
    return found[found["method"] == method]


def test_adding_a_denoiser(reports: Path):
    assert list(averages(reports, "MyNet")["sigma"]) == [25, 35, 50]
    assert "MyNet" in (reports / "liu2020/table2_kodak.md").read_text("utf-8")
    assert "mynet" in (reports / "training.md").read_text("utf-8")


def test_adding_a_filter(reports: Path):
    assert list(averages(reports, "Gaussian smoothing")["sigma"]) == [25, 35, 50]
    assert "Gaussian smoothing" in (reports / "liu2020/table2_kodak.md").read_text("utf-8")
    assert "Gaussian smoothing+VGG" in (reports / "liu2020/table4_classification.md").read_text("utf-8")


def test_adding_a_degradation(reports: Path):
    found = pd.read_csv(reports.parents[1] / "build/demo/results/kodak-shot-cdncnn_b.csv")
    assert set(found["condition"]) == {"gain=2", "gain=8"} and set(found["dataset"]) == {"demo:Kodak"}
    means = found[found["metric"] == "psnr"].groupby("condition")["value"].mean()
    assert means["gain=2"] > means["gain=8"]
    assert "shot noise" not in (reports / "liu2020/table2_kodak.md").read_text("utf-8")


def test_adding_a_test_set(reports: Path):
    found = pd.read_csv(reports.parents[1] / "build/bench/results/holiday-bm3d.csv")
    assert set(found["item"]) == {"cat", "cup"} and set(found["condition"]) == {"sigma=25", "sigma=50"}
    shown = pd.read_csv(reports / "averages.csv")
    assert set(shown[shown["dataset"] == "demo:Holiday"]["method"]) == {"CDnCNN-B", "CBM3D"}


def test_adding_a_paper(reports: Path):
    table = pd.read_csv(reports / "doe2024/table1_bsd68.csv", dtype=str)
    assert {"28.57", "29.23", "29.30"} <= set(table["published"])
    assert "DoeNet" in (reports / "doe2024/table1_bsd68.md").read_text("utf-8")
    assert "](doe2024/table1_bsd68.md)" in (reports / "overview.md").read_text("utf-8")


def test_adding_a_table(reports: Path):
    table = pd.read_csv(reports / "doe2024/table2_set12.csv", dtype=str)
    assert list(table[table["dataset"] == "Set12"]["published"]) == ["30.18", "33.06", "30.43"]
    measured = table[(table["dataset"] == "demo:Set12") & (table["item"] == "average") & (table["metric"] == "psnr")]
    assert list(measured["condition"]) == ["sigma=15", "sigma=25", "sigma=50"]
    assert "](doe2024/table2_set12.md)" in (reports / "overview.md").read_text("utf-8")


def test_adding_a_task_network(reports: Path):
    found = pd.read_csv(reports / "accuracies.csv")
    assert set(found[found["method"].str.endswith("Tiny")]["method"]) == {"DnCNN+Tiny", "Tiny"}


def test_everything_added_passes_the_checks_of_the_project(tmp_path: Path):
    """All pages together in a checkout of the whole project in which nothing is made."""
    folder = tmp_path / "checkout"
    for name in ("stages", "redenoise", "workflow", "published", "tests", "docs", "weights"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    for name in ("params.yaml", "dvc.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    written = set()
    for name in sorted(NAMES, key="adding-a-table".__eq__):  # the table is one of the page about papers
        for step in steps(name):
            if step.what != "run" or "snakemake" not in step.text:
                follow(folder, step)
            written |= {step.file} if step.file.endswith(".py") else set()
    assert len(written) == 5
    python = (sys.executable, "-m")
    run(folder, *python, "redenoise", "dvc", "--check")
    run(folder, *python, "ruff", "check", *written)
    run(folder, *python, "ruff", "format", "--check", *written)
    # What `make test` has found out about all other files is taken over.
    run(folder, *python, "mypy", "--cache-dir", str(ROOT / ".mypy_cache"), *written)
    run(folder, *python, "pytest", "-q", *(f"tests/test_{name}.py" for name in CODE))
