"""The configuration: what is refused, and in which words."""

import re
from pathlib import Path

import pytest

from stages.common import config
from stages.common.errors import UserError

# (pattern in params.yaml, replacement, what the one line must hold)
MISTAKES = [
    (r"^seed: 0", "sede: 0", "unknown key 'sede'.*allowed: scale, seed.*did you mean 'seed'"),
    (r"^seed: 0 .*", "", "key 'seed' is missing"),
    (r"^seed: 0", "seed: zero", "'seed': 'zero' is not of type 'integer'; give a whole number"),
    (r"^seed: 0", "seed: 0\nseed: 1", "line 6.*key 'seed' given twice"),
    (r"^seed: 0", "seed: [0", "expected valid YAML"),
    (r"^seed: 0", "? [a, b]\n: 1\nseed: 0", "expected valid YAML"),
    (r"^scale: demo", "scale: demoo", "scale 'demoo' is not known; allowed: bench, demo, paper; did you mean 'demo'"),
    (r"depth: 17", "dept: 17", r"'families.dncnn_s.network.dept'.*did you mean 'depth'"),
    (r"depth: 17", "depth: 1", "'families.dncnn_s.network.depth': 1 is less than the minimum of 2"),
    (r"store: kodak", "store: kodac", "'downloads.kodak.store' is 'kodac'; allowed: kodak, .*did you mean 'kodak'"),
    (r"channels: 3, role: test", "role: test", "key 'downloads.*channels' is missing"),
    (r"sigma_range: \[0, 55\]", "sigma_range: [0]", r"sigma_range'.*give the lowest and the highest"),
    (r"sigmas: \[25, 35, 50\]", "sigmas: [25, 25]", "non-unique.*list of different noise levels"),
    (r"sigma_range: \[0, 75\]", "", "either sigmas or sigma_range"),
    (r"dataset: set12, filter", "dataset: set21, filter", "'baselines.set12-bm3d.dataset' is 'set21'.*mean 'set12'"),
    (r"family: dncnn_s,", "family: dncn_s,", "no entry of families.*did you mean 'dncnn_s'"),
    (
        r"  kodak: \{sigmas",
        "  kodax: {sigmas",
        "'noisy.kodax' is 'kodax', .*did you mean 'kodak'",
    ),
    (
        r"role: test\}",
        "role: test, overlaps: [train400, cbsd432]}",
        "trained on cbsd432, on kodak, which shares images",
    ),
    (r"filter: bm3d", "filter: bm4d", "'baselines.*filter' is 'bm4d'; allowed: bm3d"),
]


@pytest.mark.parametrize("scale", ["demo", "bench", "paper"])
def test_committed_configuration_is_valid(project: Path, scale: str):
    settings = config.load(scale)
    assert settings.scale == settings.params["scale"] == scale
    assert settings.settings["budget"]


@pytest.mark.parametrize(("pattern", "replacement", "expected"), MISTAKES)
def test_mistakes_are_named_in_one_line(project: Path, pattern: str, replacement: str, expected: str):
    text = Path("params.yaml").read_text()
    wrong = re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE)
    assert wrong != text
    Path("params.yaml").write_text(wrong)
    with pytest.raises(UserError) as error:
        config.load()
    assert re.search(expected, str(error.value)), str(error.value)
    assert "\n" not in str(error.value)


def test_mistake_in_a_scale_names_its_file(project: Path):
    path = Path("workflow/scales/demo.yaml")
    path.write_text(path.read_text().replace("threads: 1", "threads: 0"))
    with pytest.raises(UserError, match=r"workflow/scales/demo.yaml: 'threads': 0 is less than the minimum"):
        config.load()


def test_scale_that_trains_needs_a_schedule(project: Path):
    path = Path("workflow/scales/bench.yaml")
    path.write_text(path.read_text().replace("published_weights: true", "published_weights: false"))
    with pytest.raises(UserError, match="'training'.*say how to train"):
        config.load("bench")


def test_missing_file_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="params.yaml: not found; run from the root"):
        config.load()


def test_unknown_node_offers_the_nearest(project: Path):
    with pytest.raises(UserError, match="did you mean 'set12-dncnn_s'"):
        config.load().entry("evaluate", "set12-dncn_s")


def test_node_params_change_with_their_own_entry_only(project: Path):
    before = config.load()
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("depth: 17", "depth: 18"))
    after = config.load()
    changed = {
        (stage, key)
        for stage in config.STAGE_SECTION
        for key in before.keys(stage)
        if before.node_params(stage, key) != after.node_params(stage, key)
    }
    assert changed == {("train", "dncnn_s")}
