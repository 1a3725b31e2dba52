"""The grid that is disturbed: every stage, trainings with a checkpoint after every step, and seconds of work."""

import re
from pathlib import Path

from tests import checkouts

KEPT = {
    **checkouts.KEPT,
    "noisy": ("kodak",),
    "degraded": (),
    "families": ("dncnn_b", "cdncnn_b", "proposed_tasks", "xdncnn", "xsrcnn_f"),  # the last two for figures
    "evaluations": ("kodak-cdncnn_b",),
    "restorations": (),
    "recognitions": ("classification-cross_2020",),
    "filtered_recognitions": ("classification-noisy",),
}
# What is changed in a checkout besides: file, pattern, replacement. There are steps, parts and images to kill between.
CHANGES = (
    ("workflow/scales/demo.yaml", r"steps: 2", "steps: 12"),
    ("workflow/scales/demo.yaml", r"test: 1, train: 2", "test: 2, train: 2"),
    ("workflow/scales/demo.yaml", r"part: \d+", "part: 4"),
    ("params.yaml", r"(kodak:\n +sigmas:\n(?: +- 25\n))(?: +- \d+\n)+", r"\1"),
    ("redenoise/training/run.py", r"CHECKPOINT_SECONDS = [\d.]+", "CHECKPOINT_SECONDS = 0.0"),
)


def checkout(target: Path) -> Path:
    """A checkout of the project with this grid."""
    folder = checkouts.checkout(target, KEPT)
    for name, pattern, replacement in CHANGES:
        path = folder / name
        text, count = re.subn(pattern, replacement, path.read_text())
        assert count, f"{name}: nothing in it matches {pattern!r}"
        path.write_text(text)
    return folder
