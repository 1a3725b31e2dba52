"""Shared fixtures: a scratch project folder, and the real data where a mirror is at hand."""

import os
import shutil
from pathlib import Path

import pytest

from redenoise.commands.latex.compile import PACKAGE
from tests import debian

pytest_plugins = ("tests.browser", "tests.import_project", "tests.plan_project", "tests.slurm.fixtures")
ROOT = Path(__file__).resolve().parents[1]
DRAWS = int(os.environ.get("REDENOISE_DRAWS", "40"))  # mistakes of each kind that are drawn; see docs/checked.md
# A minute or more each, some of it spent waiting, the longest first. Begun last, one of them would keep one core busy
# alone. The first makes the checkout that most others copy; the second does without it.
SLOW = (
    "test_slurm",
    "test_chaos",
    "test_engines",
    "test_docs",
    "test_reruns",
    "test_site_browser",
    "test_two_runs",
    "test_diff",
    "test_shards_engine",
    "test_opinion_browser",
    "test_cascade_stages",
    "test_bad_configuration",
    "test_bad_files",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first; the Makefile has pytest-xdist keep that order."""
    items.sort(key=lambda item: SLOW.index(item.path.stem) if item.path.stem in SLOW else len(SLOW))


def scratch(folder: Path) -> Path:
    """Copy params.yaml, the scales and the manifests into an empty folder."""
    shutil.copy(ROOT / "params.yaml", folder)
    for name in ("scales", "manifests"):
        shutil.copytree(ROOT / "workflow" / name, folder / "workflow" / name)
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a copy of params.yaml, the scales and the manifests, made the working directory."""
    monkeypatch.chdir(tmp_path)
    return scratch(tmp_path)


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a fresh clone has: the committed reports and no build, made the working directory."""
    for name in ("reports", "workflow"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def finished_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout cut down to seconds of work in which Snakemake has run: to be copied and not to be changed."""
    pytest.importorskip("snakemake", reason="Snakemake is not installed: no checkout is run")
    from tests.checkouts import finished

    return finished(tmp_path_factory)


@pytest.fixture(scope="session")
def latex() -> None:
    """Skips the test where there is no LaTeX; Debian's is installed where REDENOISE_LATEX_TESTS asks for it."""
    try:
        debian.provide({"pdflatex": PACKAGE}, "REDENOISE_LATEX_TESTS")
    except debian.Missing as error:
        pytest.skip(f"no LaTeX, nothing is compiled: {error}")


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder with the real data; tests that need it are skipped, saying so, where it is not."""
    value = os.environ.get("REDENOISE_MIRROR")
    candidate = Path(value) if value else ROOT.parent / "shared" / "mirror"
    if not (candidate / "SHA256SUMS").is_file():
        pytest.skip("no real data here: set REDENOISE_MIRROR to a mirror folder to run this test")
    return candidate.resolve()
