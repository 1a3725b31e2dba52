"""A report of what is measured so far: the same cells where there are results, the command where there are none."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.commands import report as command
from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.support.errors import UserError
from stages.report import node as stage
from tests.report_project import make_project

TABLE = "zhang2017/table2_bsd68.csv"
MISSING = "bsd68-dncnn_s"
SO_FAR = Path("build/so_far")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Config]:
    """A function that makes a project with results of every node at one scale, the working directory being its root."""
    monkeypatch.chdir(tmp_path)
    return lambda scale: make_project(tmp_path, scale)


def written(name: str) -> str:
    return (SO_FAR / name).read_text(encoding="utf-8")


def forget(config: Config, stage: str, key: str | None = None) -> None:
    """Make a node one that has not run."""
    paths.provenance(config.scale, stage, key).unlink()
    paths.results(config.scale, key or stage).unlink(missing_ok=True)


def test_cells_without_results_name_their_command(project):
    config = project("bench")
    stage.run(config)
    whole = (paths.reports("bench") / TABLE).read_text(encoding="utf-8").splitlines()
    record = (paths.build("bench") / "report.json").read_bytes()
    forget(config, "evaluate", MISSING)
    with pytest.raises(UserError, match=f"{MISSING}.*missing"):
        stage.run(config)
    stage.run_so_far(config, SO_FAR)
    found = (SO_FAR / TABLE).read_text(encoding="utf-8").splitlines()
    assert (paths.reports("bench") / TABLE).read_text(encoding="utf-8").splitlines() == whole
    lost = [line for line in whole if line not in found]
    assert lost and all("DnCNN-S" in line for line in lost)
    command = f"snakemake --cores all --config scale=bench -- build/bench/results/{MISSING}.csv"
    assert f"not measured yet; {command}" in written("zhang2017/table2_bsd68.md")
    assert (paths.build("bench") / "report.json").read_bytes() == record  # of the whole report, which is owed


@pytest.mark.parametrize("built", [True, False])
def test_the_command_says_where_nothing_is_measured(
    project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], built: bool
):
    config = project("bench")
    monkeypatch.setattr(command, "load_config", lambda scale: config)
    if not built:
        shutil.rmtree(paths.build("bench"))
    command.main(["--scale", config.scale, "--output", str(SO_FAR)])
    *before, last = capsys.readouterr().out.splitlines()
    assert last.endswith("those committed in reports/benchmark")
    assert built != any(line.startswith("nothing is measured yet at scale bench; --scale ") for line in before)


def test_pages_of_a_run_that_has_hardly_begun(project):
    config = project("bench")
    shutil.rmtree(paths.build("bench"))
    stage.run_so_far(config, SO_FAR)
    assert "not measured yet" in written("overview.md")
    assert "not trained or imported yet" in written("training.md")
    assert "figure4_zoom.png" not in written("figures.md")


def test_recognition_and_counts_that_are_not_there(project):
    config = project("demo")
    for name in ("classification-separate", "architecture"):
        forget(config, *(("recognize", name) if "-" in name else (name,)))
    stage.run_so_far(config, SO_FAR)
    assert "build/demo/results/architecture.csv" in written("overview.md")
    assert "build/demo/results/classification-separate.csv" in written("liu2020/table4_classification.md")
