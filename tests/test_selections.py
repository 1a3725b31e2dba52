"""Stores that are a selection: files of several other stores, each from its own place."""

import shutil
from pathlib import Path

import pytest

from redenoise.commands.manifest import command as manifest
from redenoise.sources import stores
from redenoise.sources.provide import source_of
from redenoise.support.errors import UserError
from stages.download import node
from tests.download_project import NOWHERE, make_config, make_root, picture, visible, write_manifests, write_mirror

FILES = {f"a/{n}.png": picture(n) for n in range(3)}
STORES = Path("workflow/manifests/stores.yaml")


@pytest.fixture(autouse=True)
def both(tmp_path, monkeypatch):
    """A project whose set `set` is a selection: one image of the store `shop`, which is here, and one of `yard`."""
    make_root(tmp_path, monkeypatch)
    write_manifests(tmp_path, FILES, NOWHERE)
    root = write_mirror(tmp_path / "mirror", FILES)
    monkeypatch.setenv("REDENOISE_MIRROR", str(root))
    shutil.copytree(root / "shop", root / "yard")
    text = STORES.read_text()
    selection = "both:\n  title: Both\n  licence: free\n  stores: [shop, yard]\n"
    STORES.write_text(text + text.replace("shop", "yard") + selection)
    lines = Path("workflow/manifests/shop.csv").read_text().splitlines()
    Path("workflow/manifests/yard.csv").write_text("\n".join(lines).replace("shop/", "yard/") + "\n")
    chosen = [lines[0], lines[1], lines[2].replace("shop/", "yard/")]
    Path("workflow/manifests/both.csv").write_text("\n".join(chosen) + "\n")
    Path("workflow/manifests/subsets/set.csv").write_text("id,path,split\nx,shop/a/0.png,\ny,yard/a/1.png,\n")


def config():
    entry = {"title": "Set", "kind": "images", "store": "both", "channels": 3, "role": "train"}
    return make_config(downloads={"set": entry})


def test_each_file_comes_from_its_own_store():
    items = [item.file for item in stores.load_items("set", stores.load_store("both"))]
    assert source_of(stores.load_store("both"), items).count("the mirror, which has all of them") == 2
    node.run(config(), "set")
    assert visible("data") == ["0.png", "1.png"] and Path("data/yard/a/1.png").is_file()
    assert visible("build/bench/data/set") == ["0.png", "1.png", "index.csv"]


def test_what_a_part_lacks_is_named(tmp_path):
    (tmp_path / "mirror/yard/a/1.png").unlink()
    with pytest.raises(UserError, match=r"yard/a/1.png is not in mirror"):
        node.run(config(), "set")


def test_a_part_that_is_no_store_is_refused():
    STORES.write_text(STORES.read_text().replace("[shop, yard]", "[shop, yart]"))
    with pytest.raises(UserError, match=r"both.stores names 'yart', which is no store"):
        stores.load_store("both")


def test_a_file_of_no_part_is_refused():
    STORES.write_text(STORES.read_text().replace("[shop, yard]", "[shop]"))
    with pytest.raises(UserError, match=r"both.csv: line 3: path 'yard/a/1.png' is not a plain path below shop/"):
        stores.load_manifest("both")


def test_a_selection_is_not_listed_from_a_folder(tmp_path):
    with pytest.raises(UserError, match="both has files of shop and yard; list one of these again"):
        manifest.main(["both", str(tmp_path / "mirror"), "--relist"])
