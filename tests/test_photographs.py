"""Photographs that an installed package ships: there at every scale, and measured on a page of their own."""

from pathlib import Path

import pytest
import yaml

from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.dag.indexed import read_index
from redenoise.document import markdown
from redenoise.sources import provide as providing
from redenoise.sources.stores import load_store
from redenoise.support.errors import Unavailable
from stages.download import node as download
from stages.report import history, photographs
from stages.report.node import load_context
from tests.report_project import make_project


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(providing.MIRROR_VARIABLE, raising=False)


@pytest.mark.parametrize("scale", ["demo", "bench"])
def test_the_same_whole_photographs_at_every_scale(project: Path, scale: str):
    config = load_config(scale)
    download.run(config, "photographs")
    rows = {row["id"]: row for row in read_index(paths.data(scale, "photographs"))}
    assert (rows["astronaut"]["height"], rows["chelsea"]["width"]) == ("512", "451")


@pytest.mark.parametrize("package", ["skimage/nowhere", "nosuchpackage/data"])
def test_a_package_without_the_files_is_one_line(project: Path, package: str):
    path = Path("workflow/manifests/stores.yaml")
    stores = yaml.safe_load(path.read_text())
    stores["photographs"]["package"] = package
    path.write_text(yaml.safe_dump(stores))
    with pytest.raises(Unavailable, match=rf"\w+\.png: not in the installed package {package.split('/')[0]}; inst"):
        download.run(load_config("demo"), "photographs")
    assert load_store("photographs").origin == f"the installed package {package.split('/')[0]}"


@pytest.mark.parametrize("scale", ["demo", "bench"])
def test_the_page_shows_every_method_and_orders_them(project: Path, scale: str):
    config = make_project(project, scale)
    text = markdown.render(photographs.document(load_context(config)))
    averages = [line.split("|")[1:-1] for line in text.splitlines() if "| average" in line]
    assert [cells[0].strip() for cells in averages] == [str(level) for level in photographs.SPEC.levels]
    assert all(float(cell) > 0 for cells in averages for cell in cells[2:])
    # 0.3 above against 0.3 below a base that is the same for both.
    assert text.count("| CBM3D   | Proposed |") == 2 and "-0.60" in text and "reversed" in text


def test_the_page_says_what_has_not_run(project: Path):
    config = make_project(project, "demo")
    paths.provenance("demo", "filter", "photographs-cbm3d").unlink()
    text = markdown.render(photographs.document(load_context(config, history.so_far(config))))
    assert "not measured yet; snakemake" in text
