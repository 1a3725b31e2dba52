"""Memory that is freed stays with the process, so that no page of it has to come anew."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = """\
import resource, sys
from redenoise.support.memory import keep_freed
if sys.argv[1] == "kept":
    keep_freed()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(8 << 20)
before = faults()
for _ in range(20):
    bytearray(8 << 20)
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc")
def test_what_is_freed_is_not_asked_for_again():
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", PROGRAM, how], cwd=ROOT, capture_output=True, check=True).stdout)
        for how in ("kept", "given back")
    )
    assert kept < given_back / 4
