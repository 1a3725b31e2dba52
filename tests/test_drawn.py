"""A few drawn inputs of every kind; `python -m tests.drawn` draws many."""

import pytest

from tests.drawn import CHECKS, draw


@pytest.mark.parametrize("kind", CHECKS)
def test_drawn_inputs_are_read_or_refused_in_one_line(kind: str):
    draw(kind, 40)
