"""From tiny archives in the official layouts of ImageNet, VOC and SBD to the printed tables, by the real stages."""

from pathlib import Path

import pytest

from redenoise.dag import paths
from redenoise.dag.config import Config
from stages.cascade.node import run as cascade
from stages.recognize.node import run as recognition
from stages.recognize_filtered.node import run as baseline
from tests.cascade_project import SMALL, change_params, command, make_networks, make_sets, small_project
from tests.labelled_project import VAL_NUMBERS, make_official, write_imagenet, write_lists, write_voc
from tests.report_project import make_project
from tests.report_tasks_project import CLASSIFICATION, SEGMENTATION, join

NETWORKS = {**SMALL, "vgg": {**SMALL["vgg"], "classes": 3}, "deeplab": {**SMALL["deeplab"], "classes": 21}}


@pytest.fixture
def config(project: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The scale `modern` on a mirror with tiny archives, with tiny networks and no weights from elsewhere."""
    mirror = project / "mirror"
    write_imagenet(mirror)
    write_voc(mirror)
    make_official(monkeypatch, mirror)
    monkeypatch.setenv("REDENOISE_MIRROR", str(mirror))
    write_lists(project)
    change_params(tasks={"classification": {"weights": None, "resize": 44, "crop": 40}})
    make_project(project, "modern")
    return small_project("modern", labelled=None, networks=NETWORKS)


def test_archives_become_lines_of_the_tables(config: Config):
    make_sets(config)
    make_networks(config, "classify_2020")
    cascade(config, "segment_mse", command())
    baseline(config, "classification-noisy")
    recognition(config, "classification-joint_2020")
    recognition(config, "segmentation-cross_2020")
    assert paths.results("modern", "classification-noisy").read_text().count("top1,%") == 4
    comparison, page = join(config, CLASSIFICATION)
    assert f"measured on {len(VAL_NUMBERS)} of 50,000 images only" in page
    assert any(row.measured == "Joint Training" and row.reproduced is not None for row in comparison.rows)
    assert "measured on 1 of 1,449 images only" in join(config, SEGMENTATION)[1]
