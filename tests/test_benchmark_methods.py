"""Time and memory of methods: what is measured, what is left out, and the page."""

import json
from pathlib import Path

import pytest

from redenoise.commands.benchmark import methods
from redenoise.dag.config import load_config
from redenoise.dag.levels import against_noise
from tests.checkouts import ROOT

TINY = {"network": {"name": "ffdnet", "channels": 1, "depth": 3, "width": 4}, "channels": 1}


def test_every_filter_and_every_network_is_measured_once(project: Path):
    params = load_config("bench").params
    found = methods.subjects(params)
    assert {one["filter"] for one in found.values() if "filter" in one} == {
        entry["filter"] for entry in params["filters"].values()
    }
    networks = [one["network"] for one in found.values() if "network" in one]
    assert all(family["network"] in networks for family in params["families"].values() if against_noise(family))
    assert all(networks.count(network) == 1 for network in networks)


@pytest.mark.parametrize("subject", [TINY, {"filter": "noisy", "channels": 3}])
def test_a_subject_is_measured_at_every_size(project: Path, subject: dict):
    found = methods.measure(subject, [64, 96], 60.0, 1)
    assert list(found) == ["64", "96"]
    assert all(one["seconds"] > 0 and one["memory"] > 1e7 for one in found.values())


def test_sizes_that_would_take_too_long_are_left_out(project: Path):
    assert list(methods.measure(TINY, [64, 96], 1e-9, 1)) == ["64"]


def test_the_page_has_a_row_for_each(project: Path):
    machine = {"kind": "cpu", "device": "A processor", "cores": 2, "torch": "2.11"}
    found = {"BM3D, gray": {"256": {"seconds": 0.51, "memory": 6e8}}}
    page = methods.render({"machine": machine, "commit": None, "sizes": [256, 512], "found": found})
    assert "A processor" in page
    row = [cell.strip() for cell in page.splitlines()[-1].strip("|").split("|")]
    assert row == ["BM3D, gray", "0.51", "-", "600", "-"]


@pytest.mark.parametrize("path", (ROOT / "reports/benchmark").glob("methods-*.json"), ids=lambda path: path.stem)
def test_committed_measurements_make_the_committed_page(path: Path):
    assert methods.render(json.loads(path.read_text())) == path.with_suffix(".md").read_text()
