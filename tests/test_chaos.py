"""Runs that are killed at random end in the same bytes and leave nothing behind; `python -m tests.chaos` does more."""

import random
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.chaos import tricks
from tests.chaos.campaign import Campaign
from tests.chaos.leavings import MARK, difference, leavings

pytest.importorskip("snakemake", reason="Snakemake is not installed: no run is disturbed")

# Downloads, a training and what measures it: a third of the grid. All of it takes minutes for each run.
TARGETS = ("build/demo/results/kodak-cdncnn_b.csv",)


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="no /proc here to find the processes of a run in")
def test_killed_runs_lose_nothing(tmp_path):
    kills = 8
    ((_, run),) = Campaign(1, kills, tmp_path, tmp_path, TARGETS).runs(0, 1)
    assert run.problem == ""
    assert len(run.kills) == kills
    ways = {kill.partition(" at ")[0] for kill in run.kills}
    assert ways > {"SIGKILL to all", "SIGTERM to all", "SIGINT to all", "SIGTERM to Snakemake"}


def test_what_disk_and_clock_do(tmp_path):
    draws, build = random.Random(0), tmp_path / "build/demo"
    assert tricks.flip(tmp_path, draws) == ""
    kept, results, mark = build / "items/a/sigma25/1.png", build / "results/a.csv", build / "data/a" / MARK
    for path in (kept, results, mark):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"\0" * 9)
    assert tricks.flip(tmp_path, draws).endswith("items/a/sigma25/1.png flipped")
    assert sum(byte.bit_count() for byte in kept.read_bytes()) == 1 and not results.exists()
    with tricks.clock_ahead(tmp_path, draws) as done:
        assert done == "clock ahead at data/a" and mark.stat().st_mtime > time.time() + 3600
    assert mark.stat().st_mtime <= time.time() + 1


def test_of_a_finished_training_the_weights_count(tmp_path):
    path = tmp_path / "build/demo/checkpoints/a/model.finished.safetensors"
    path.parent.mkdir(parents=True)
    found = []
    for weight, seconds in ((1.0, "1"), (1.0, "2"), (3.0, "2")):
        save_file({"weight": torch.tensor(weight)}, path, {"seconds": seconds})
        found.append(leavings(tmp_path))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("build/demo/results/a.csv", b"other", "build/demo/results/a.csv: other bytes"),
        ("build/demo/results/.a.csv.x.part", b"", "build/demo/results/.a.csv.x.part: left behind"),
        ("build/demo/.locks/train.lock", b"", "build/demo/.locks/train.lock: left behind"),
        ("build/demo/checkpoints/a/model.safetensors", b"", "build/demo/checkpoints/a/model.safetensors: left behind"),
        ("build/demo/provenance/a.json", b"other", ""),
    ],
)
def test_what_differs_is_named(tmp_path, name: str, data: bytes, expected: str):
    for made in ("build/demo/results/a.csv", "build/demo/provenance/a.json"):
        (tmp_path / made).parent.mkdir(parents=True)
        (tmp_path / made).write_bytes(b"made")
    before = leavings(tmp_path)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(data)
    assert difference(before, leavings(tmp_path)) == expected
    (tmp_path / "build/demo/results/a.csv").unlink()
    assert difference(before, leavings(tmp_path)) != ""
