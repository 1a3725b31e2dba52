"""The committed manifests, and the real files where a mirror is at hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from redenoise.dag import paths
from redenoise.dag.config import ROOT, load_config
from redenoise.sources import stores
from redenoise.support.errors import Unavailable
from stages.download import node

# As their papers give them.
COUNTS = {
    "kodak": 24, "cbsd68": 68, "bsd68": 68, "bsd100": 100, "set12": 12, "set5": 5, "set14": 14, "live1": 29,
    "classic5": 5, "rni15": 15, "train400": 400, "cbsd432": 432, "t91": 91, "urban100": 100, "photographs": 3,
    "cc15": 2 * 15, "t91_bsd200": 291, "t91_train400": 491, "bsd68_16": 16, "cbsd68_16": 16,
}  # fmt: skip


@pytest.fixture(autouse=True)
def scratch(project):
    """Every test works in a copy of the project's manifests."""


def items(key: str) -> list[stores.Item]:
    entry = load_config("bench").entry("download", key)
    return stores.load_items(key, stores.load_store(entry["store"]))


def there(key: str, mirror: Path) -> bool:
    """Whether a mirror, or an installed package, has the files of an entry."""
    store, files = stores.load_store(load_config("bench").entry("download", key)["store"]), items(key)
    wanted = [store.archive] if store.archive else [item.file.path for item in files]
    return bool(store.package) or all((mirror / path).is_file() for path in wanted)


def test_every_entry_has_its_list():
    config = load_config("bench")
    entries = {key: config.entry("download", key) for key in config.keys("download")}
    listed = {key for key, entry in entries.items() if not stores.load_store(entry["store"]).by_hand}
    counts = {key: len(items(key)) for key in listed}
    assert {key: count for key, count in counts.items() if entries[key]["kind"] == "images"} == COUNTS
    assert all(counts.values())


def test_files_put_there_by_hand_wait_for_their_list():
    with pytest.raises(
        Unavailable, match="put weights_cvpr.mat of its authors, which is not public here, into data/mlp/"
    ):
        items("mlp_weights")


def test_stores_are_described():
    assert stores.load_store("bsds500").archive == "bsds500/BSR_bsds500.tgz"
    url = stores.load_store("dncnn").file_url("dncnn/model/specifics/sigma=15.mat")
    assert url == "https://raw.githubusercontent.com/cszn/DnCNN/master/model/specifics/sigma=15.mat"
    assert stores.load_store("kodak").file_url("kodak/kodim01.png").endswith("/kodak/kodak/kodim01.png")
    assert len(stores.load_manifest("bsds500")) == 500
    assert sum("RNI15" in path for path in stores.load_manifest("ffdnet")) == 15


def test_the_berkeley_subsets_fit_together():
    listed = (ROOT / "workflow/manifests/lists/cbsd68.txt").read_text().split()
    cbsd68, rest, bsd100 = ([item.id for item in items(key)] for key in ("cbsd68", "cbsd432", "bsd100"))
    assert cbsd68 == listed
    assert not set(cbsd68) & set(rest)
    assert len(set(cbsd68) | set(rest)) == 500
    assert set(cbsd68) < set(bsd100)
    assert {item.split for item in items("bsd100")} == {"val"}


def test_published_names_are_in_published_order():
    names = "C.man House Peppers Starfish Monar. Airpl. Parrot Lena Barbara Boat Man Couple"
    assert [item.id for item in items("set12")] == names.split()
    assert [item.file.path[-6:] for item in items("set12")] == [f"{n:02d}.png" for n in range(1, 13)]
    assert [item.id for item in items("kodak")] == [f"{n:02d}" for n in range(1, 25)]
    assert [item.id for item in items("bsd68")] == [f"test{n:03d}" for n in range(1, 69)]


def test_the_real_files(mirror, monkeypatch):
    monkeypatch.setenv("REDENOISE_MIRROR", str(mirror))
    config = load_config("bench")
    absent = [key for key in COUNTS if not there(key, mirror)]
    for key, count in COUNTS.items():
        if key not in absent:
            node.run(config, key)
            assert len(list(paths.data("bench", key).iterdir())) == count + 1
    assert list(Path("data").rglob("*.tgz")) == []
    if absent:
        pytest.skip(f"all but {', '.join(absent)}: set REDENOISE_MIRROR to a mirror that has it to run this test whole")


def test_the_command_line(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    listing = [sys.executable, "-m", "redenoise", "sources", "--scale", "demo"]
    listed = subprocess.run(listing, capture_output=True, text=True, check=True)
    command = [sys.executable, "-m", "stages.download", "--scale", "demo"]
    assert [line.split()[0] for line in listed.stdout.splitlines()[4:6]] == ["kodak", "cbsd68"]
    wrong = subprocess.run([*command, "--only", "kodac"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert wrong.stderr.startswith("error: ") and "did you mean 'kodak'?" in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 1
