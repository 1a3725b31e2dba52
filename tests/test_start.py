"""How a command starts: without looking for garbage among what it imports."""

import subprocess
import sys
from pathlib import Path

MODULE = """\
import gc
found = gc.isenabled()
def main(arguments):
    print(found, gc.isenabled(), gc.get_freeze_count() > 1000, arguments)
"""


def said(folder: Path, program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_command_looks_for_garbage_in_what_it_makes_and_not_in_what_it_imports(project: Path):
    Path("started.py").write_text(MODULE)
    program = f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); "
    program += "from redenoise.support.start import launch; launch('started', ['--all'])"
    assert said(project, program) == ["False", "True", "True", "['--all']"]


def test_a_program_that_imports_the_stages_keeps_its_own_way_with_garbage():
    program = "import gc, redenoise.dag.config, stages; print(gc.isenabled(), gc.get_freeze_count())"
    assert said(Path(__file__).parents[1], program) == ["True", "0"]
