"""Stages where only build/ and reports/ can be written to: read-only sources, and a home that is not there or full."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from redenoise.dag import paths
from stages.synthesize.node import run as synthesize
from stages.train.node import run as train
from tests.conftest import ROOT
from tests.illustrate_project import make_project as make_illustrated
from tests.mounts import read_only, small_disk
from tests.report_project import make_project
from tests.test_full_disk import fill
from tests.training_project import options, small_demo

NOWHERE = "/proc/nonexistent"
# Where programs look for a place for their caches before they look into HOME.
CACHES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR", "TORCH_HOME")


def run(project: Path, stage: str, home: str, *arguments: str) -> None:
    """A stage as a user starts it in a project whose sources, scales and printed cells are read-only."""
    left_out = (*CACHES, "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "REDENOISE_MIRROR")
    environment = {name: value for name, value in os.environ.items() if name not in left_out} | {"HOME": home}
    scales = project / "workflow/scales"
    with ExitStack() as stack:
        for name in ("redenoise", "stages"):
            stack.enter_context(read_only(ROOT / name, project / name))
        for folder in (scales, project / "published"):
            if folder.is_dir():
                stack.enter_context(read_only(folder, folder))
        (project / "workflow/schemas").symlink_to(ROOT / "workflow/schemas")
        for name in ("redenoise", "stages"):
            with pytest.raises(OSError, match="Read-only file system"):
                (project / name / "new").touch()
        command = [sys.executable, "-m", f"stages.{stage}", "--scale", "demo", *arguments]
        result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr


def test_evaluate(project: Path):
    config = small_demo()
    synthesize(config, "set12")
    train(config, "dncnn_s", options())
    run(project, "evaluate", NOWHERE, "--only", "set12-dncnn_s")
    assert paths.results("demo", "set12-dncnn_s").is_file()


def test_illustrate(project: Path, monkeypatch: pytest.MonkeyPatch):
    make_illustrated(monkeypatch)
    run(project, "illustrate", NOWHERE)
    assert (paths.figures("demo") / "figure4_zoom.png").is_file()


def test_report_with_a_home_that_is_full(project: Path, tmp_path: Path):
    make_project(project, "demo")
    home = tmp_path / "home"
    with small_disk(home, "1m"):
        fill(home)
        run(project, "report", str(home))
    assert (paths.reports("demo") / "figures/learning_curves.svg").is_file()
