"""`redenoise <verb>`: its table, its help, and the program that `make setup` installs."""

import importlib
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from redenoise.commands import main as commands
from redenoise.support.errors import UserError
from tests.conftest import ROOT


@pytest.mark.parametrize("verb", commands.VERBS)
def test_every_verb_has_a_main_and_help_of_its_own(verb: str, capsys: pytest.CaptureFixture[str]):
    module = importlib.import_module(f"redenoise.commands.{commands.VERBS[verb]}")
    assert list(inspect.signature(module.main).parameters) == ["arguments"]
    with pytest.raises(SystemExit) as ended:
        commands.main([verb, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: redenoise {verb} ")


@pytest.mark.parametrize("kind", ["training", "cascades"])
def test_benchmarks_have_help_of_their_own(kind: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        commands.main(["benchmark", kind, "--help"])
    assert capsys.readouterr().out.startswith(f"usage: redenoise benchmark {kind} ")


def test_help_names_every_verb_in_its_group(capsys: pytest.CaptureFixture[str]):
    commands.main(["--help"])
    shown = capsys.readouterr().out.splitlines()
    assert [f"{group}:" for group in commands.GROUPS] == [line for line in shown if line.endswith(":")]
    assert set(commands.VERBS) <= {line.split()[0] for line in shown if line.startswith("  ")}
    assert max(map(len, shown)) <= 120


@pytest.mark.parametrize(("given", "found"), [(["paln"], "did you mean 'plan'"), ([], "no verb given")])
def test_an_unknown_verb_is_one_line(given: list[str], found: str):
    with pytest.raises(UserError, match=found):
        commands.main(given)


def test_verbs_are_imported_when_they_are_called():
    program = "import sys, redenoise.commands.main; print([name for name in ('torch', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_program_runs_the_code_of_the_checkout_it_is_called_in(tmp_path: Path):
    programs, checkout = tmp_path / "programs", tmp_path / "checkout"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    program = shutil.copy(ROOT / "redenoise/console.sh", programs / "redenoise")
    shutil.copytree(ROOT / "redenoise", checkout / "redenoise", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / "redenoise/commands/main.py").write_text("def main(arguments):\n    print('here')\n")
    done = subprocess.run([program, "plan"], cwd=checkout, capture_output=True, text=True, check=True)
    assert done.stdout == "here\n"
    done = subprocess.run([program, "plan"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path}: not a checkout of ReDenoise; change to one first\n"
