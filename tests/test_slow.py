"""Entries that are marked slow: all of their images, some, or none, as the scale says."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config
from stages.filter.node import run
from stages.synthesize.node import run as synthesize
from tests.training_project import small_demo


@pytest.fixture
def small(project: Path) -> Config:
    """A noisy set of two images, and a filter on it that is marked slow."""
    config = small_demo()
    synthesize(config, "set12")
    entry = config.params["filters"]["set12-bm3d"] | {"slow": True}
    return replace(config, params=config.params | {"filters": config.params["filters"] | {"set12-bm3d": entry}})


def measured(config: Config, slow: bool | int) -> set[tuple[str, str]]:
    """Image and condition of all rows at a scale with this setting."""
    run(replace(config, settings=config.settings | {"slow": slow}), "set12-bm3d")
    with paths.results("demo", "set12-bm3d").open(encoding="utf-8") as stream:
        return {(row["item"], row["condition"]) for row in csv.DictReader(stream)}


def test_a_scale_measures_all_images_the_first_or_none(small: Config):
    levels = [f"sigma={sigma}" for sigma in small.params["noisy"]["set12"]["sigmas"]]
    first, both = (
        {(name, level) for name in names for level in levels} for names in (["image0"], ["image0", "image1"])
    )
    assert [measured(small, slow) for slow in (True, 1, 2, 3, False)] == [both, first, both, both, set()]


def test_another_entry_has_all_of_its_images(small: Config):
    entry = small.params["filters"]["set12-bm3d"] | {"slow": False}
    plain = replace(small, params=small.params | {"filters": {"set12-bm3d": entry}})
    assert {item for item, _ in measured(plain, 1)} == {"image0", "image1"}
