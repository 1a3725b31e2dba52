"""Networks built for their shapes alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from redenoise.models import denoisers, recognizers
from redenoise.support.shapes import without_memory

ROOT = Path(__file__).parents[1]
BUILT = """\
import sys
from redenoise.models import denoisers, recognizers
from redenoise.support.shapes import without_memory
with without_memory():
    denoisers.build({"name": "dncnn", "depth": 4, "width": 8})
    denoisers.build({"name": "multiscale"})
    recognizers.build({"name": "vgg", "classes": 5})
print(*(name for name in ("torch._dynamo", "sympy") if name in sys.modules))
"""


def test_networks_of_convolutions_need_no_compiler_to_be_built_for_their_shapes():
    done = subprocess.run([sys.executable, "-c", BUILT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("build", "spec"),
    [
        (denoisers.build, {"name": "dncnn", "depth": 4, "width": 8}),
        (recognizers.build, {"name": "deeplab", "classes": 9, "blocks": [2, 2, 2], "width": 4, "head": 8}),
    ],
)
def test_shapes_are_those_of_the_network_with_memory(build, spec: dict):
    with without_memory():
        shapes = build(spec).state_dict()
    state = build(spec).state_dict()
    assert all(tensor.is_meta for tensor in shapes.values())
    assert {name: tensor.shape for name, tensor in shapes.items()} == {
        name: tensor.shape for name, tensor in state.items()
    }
