"""Where a checkout lies, what a terminal can show, which Python there is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkouts import ENVIRONMENT, checkout, run, snakemake
from tests.conftest import ROOT


def test_no_character_of_the_path_matters(tmp_path: Path):
    pytest.importorskip("snakemake", reason="Snakemake is not installed: the engines are not run")
    folder = tmp_path / "b{race}s, a:b, $HOME 100% é 'q"
    checkout(folder)
    snakemake(folder, "--", "build/demo/data/set12")
    assert (folder / "build/demo/data/set12/index.csv").stat().st_size > 0
    assert "would run" in run(folder, sys.executable, "-m", "redenoise", "plan")


@pytest.mark.parametrize("encoding", ["iso8859-1", "ascii"])
def test_a_terminal_that_does_not_know_a_character_shows_its_number(encoding: str):
    code = "from redenoise.support.errors import UserError, run_cli\ndef main():\n    print('σ = 25 ± 1')\n"
    code += "    raise UserError('Ω: not found')\nrun_cli(main)"
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.stdout.decode(encoding).startswith(r"\u03c3 = 25 ")
    assert (done.returncode, done.stderr.decode(encoding)) == (1, "error: \\u03a9: not found\n")


@pytest.mark.parametrize(
    ("version", "fits"), [("3, 10, 9", False), ("3, 11, 0", True), ("3, 13, 9", True), ("3, 14, 0", False)]
)
def test_setup_says_which_python_it_needs(tmp_path: Path, version: str, fits: bool):
    """A stand-in for Python answers the question of the Makefile as one of that version would."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "requirements.lock").write_text("uv==0\n")
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c \"import sys; sys.version_info = ({version})\n$2\"\n")
    fake.chmod(0o755)
    command = ["make", "-s", f"PYTHON={fake}", "setup"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode != 0  # at the latest, the stand-in makes no environment
    assert ("is not Python 3.11, 3.12 or 3.13" in done.stderr) != fits
