"""The pages of docs/ that say how to extend the project are done to the letter, and lead where they say."""

import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.checkouts import copied, run, snakemake
from tests.conftest import ROOT
from tests.pages import NAMES, follow, planned, steps, to_run

pytest.importorskip("snakemake", reason="Snakemake is not installed: the pages are not followed")
CODE = ["config", "code", "published", "papers"]  # the tests that look at what somebody has added


def until_run(name: str) -> int:
    """How many blocks of a page come before the last that runs something."""
    whats = [step.what for step in steps(name)]
    assert whats[-1] == "run", name
    return len(whats) - 1


def followed(folder: Path, name: str, new: set[str]) -> Path:
    """Do what a page says, hold what it makes new against the plan of both engines, then make the whole report."""
    before, last = steps(name)[: until_run(name)], steps(name)[-1]
    for step in before:
        follow(folder, step)
    assert planned(folder) == {*new, "report"}
    follow(folder, last)
    snakemake(folder)
    assert to_run(folder) == set()
    return folder / "reports/demo"


@pytest.fixture
def folder(finished_checkout: Path, tmp_path: Path) -> Path:
    """A checkout of its own in which everything is up to date."""
    return copied(finished_checkout, tmp_path / "checkout")


@pytest.fixture(scope="module")
def with_paper(finished_checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the page about papers was followed."""
    folder = copied(finished_checkout, tmp_path_factory.mktemp("paper") / "checkout")
    followed(folder, "adding-a-paper", set())
    return folder


def averages(reports: Path, method: str) -> pd.DataFrame:
    """What the report has averaged of one method."""
    found = pd.read_csv(reports / "averages.csv")
    return found[found["method"] == method]


def test_adding_a_denoiser(folder: Path):
    reports = followed(folder, "adding-a-denoiser", {"train-mynet", "evaluate-kodak-mynet", "architecture"})
    assert list(averages(reports, "MyNet")["sigma"]) == [25, 35, 50]
    assert "MyNet" in (reports / "liu2020/table2_kodak.md").read_text("utf-8")
    assert "mynet" in (reports / "training.md").read_text("utf-8")


def test_adding_a_filter(folder: Path):
    new = {"filter-kodak-gaussian", "recognize_filtered-classification-gaussian"}
    reports = followed(folder, "adding-a-filter", new)
    assert list(averages(reports, "Gaussian smoothing")["sigma"]) == [25, 35, 50]
    assert "Gaussian smoothing" in (reports / "liu2020/table2_kodak.md").read_text("utf-8")
    assert "Gaussian smoothing+VGG" in (reports / "liu2020/table4_classification.md").read_text("utf-8")


def test_adding_a_test_set(folder: Path):
    new = {"download-holiday", "synthesize-holiday", "evaluate-holiday-cdncnn_b", "filter-holiday-bm3d", "leakage"}
    reports = followed(folder, "adding-a-test-set", new)
    found = pd.read_csv(folder / "build/bench/results/holiday-bm3d.csv")
    assert set(found["item"]) == {"cat", "cup"} and set(found["condition"]) == {"sigma=25", "sigma=50"}
    shown = pd.read_csv(reports / "averages.csv")
    assert set(shown[shown["dataset"] == "demo:Holiday"]["method"]) == {"CDnCNN-B", "CBM3D"}


def test_adding_a_paper(with_paper: Path):
    reports = with_paper / "reports/demo"
    table = pd.read_csv(reports / "doe2024/table1_bsd68.csv", dtype=str)
    assert {"28.57", "29.23", "29.30"} <= set(table["published"])
    assert "DoeNet" in (reports / "doe2024/table1_bsd68.md").read_text("utf-8")
    assert "](doe2024/table1_bsd68.md)" in (reports / "overview.md").read_text("utf-8")


def test_adding_a_table(with_paper: Path):
    reports = followed(with_paper, "adding-a-table", set())
    table = pd.read_csv(reports / "doe2024/table2_set12.csv", dtype=str)
    assert list(table[table["dataset"] == "Set12"]["published"]) == ["30.18", "33.06", "30.43"]
    measured = table[(table["dataset"] == "demo:Set12") & (table["item"] == "average") & (table["metric"] == "psnr")]
    assert list(measured["condition"]) == ["sigma=15", "sigma=25", "sigma=50"]
    assert "](doe2024/table2_set12.md)" in (reports / "overview.md").read_text("utf-8")


def test_adding_a_task_network(folder: Path):
    new = {"task-tiny", "recognize-tiny-dncnn", "recognize_filtered-tiny-noisy"}
    reports = followed(folder, "adding-a-task-network", new)
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
    assert len(written) == 4
    python = (sys.executable, "-m")
    run(folder, *python, "redenoise", "dvc", "--check")
    run(folder, *python, "ruff", "check", *written)
    run(folder, *python, "ruff", "format", "--check", *written)
    run(folder, *python, "mypy", *written)
    run(folder, *python, "pytest", "-q", *(f"tests/test_{name}.py" for name in CODE))
