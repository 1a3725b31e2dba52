"""How a command starts: without looking for garbage among what it imports."""

import subprocess
import sys

from tests.conftest import ROOT


def said(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_command_looks_for_garbage_in_what_it_makes_and_not_in_what_it_imports():
    program = "import gc, sys; sys.argv = ['-m']; import stages; off = gc.isenabled(); "
    program += "from redenoise.support.errors import run_cli; "
    program += "run_cli(lambda: print(off, gc.isenabled(), gc.get_freeze_count() > 1000))"
    assert said(program) == ["False", "True", "True"]


def test_a_program_that_imports_the_stages_keeps_its_own_way_with_garbage():
    assert said("import gc, redenoise.dag.config; print(gc.isenabled(), gc.get_freeze_count())") == ["True", "0"]
