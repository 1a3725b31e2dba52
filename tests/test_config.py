"""The configuration: what is refused, and in which words."""

import re
from pathlib import Path

import pytest
import yaml

from redenoise.dag.config import CHECKED, SECTIONS, fingerprint, load_config
from redenoise.support.errors import UserError

# (pattern in params.yaml, replacement, what the one line must hold)
MISTAKES = [
    (r"^seed: 0", "sede: 0", "unknown key 'sede'.*allowed: scale, seed.*did you mean 'seed'"),
    (r"^seed: 0 .*", "", "key 'seed' is missing"),
    (r"^seed: 0", "seed: zero", "'seed': 'zero' is not of type 'integer'; give a whole number"),
    (r"^seed: 0", "seed: 0\nseed: 1", "line 6.*key 'seed' given twice"),
    (r"^seed: 0", "seed: [0", "expected valid YAML"),
    (r"^seed: 0", "? [a, b]\n: 1\nseed: 0", "expected valid YAML"),
    (
        r"^scale: demo",
        "scale: demoo",
        "scale 'demoo' is not known; allowed: bench, demo, .*warm; did you mean 'demo'",
    ),
    (r"depth: 17", "dept: 17", r"'families.dncnn_s.network.dept'.*did you mean 'depth'"),
    (r"depth: 17", "depth: 1", "'families.dncnn_s.network.depth': 1 is less than the minimum of 2"),
    (
        r"store: kodak",
        "store: kodac",
        "'downloads.kodak.store' is 'kodac', which is no list of workflow/manifests; .*did you mean 'kodak'",
    ),
    (r"channels: 3, role: test", "role: test", "key 'downloads.*channels' is missing"),
    (r"sigma_range: \[0, 55\]", "sigma_range: [0]", r"sigma_range'.*give the lowest and the highest"),
    (r"sigmas: \[25, 35, 50\]", "sigmas: [25, 25]", "non-unique.*list of different noise levels"),
    (r"sigma_range: \[0, 75\]", "", "one of sigmas, sigma_range, levels and level_range"),
    (r"dataset: set12, filter", "dataset: set21, filter", "'filters.set12-bm3d.dataset' is 'set21'.*mean 'set12'"),
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
    (
        r"  set5-train400: .*\n",
        "",
        r"pairs has no entry 'set5-train400'; add `set5-train400: \{test: set5, train: train4",
    ),
    (r"  set5-train400:", "  set5-t:", "'pairs.set5-t' is of set5 and train400; call it set5-train400"),
    (
        r"test: set5, train: train400",
        "test: set5, train: train40",
        "'pairs.set5-train400.train' is 'train40', .*of kind im",
    ),
    (
        r"pair: set12-train400",
        "pair: set12-cbsd432",
        "'evaluations.*pair' is 'set12-cbsd432', but .* trained on train400, .*; write set12-train400",
    ),
    (r"pair: set5-t91,", "pair: set5-kodak,", "'restorations.set5-tnrd.pair' is 'set5-kodak', .*; write set5-t91"),
    (
        r"degradation: general",
        "degradation: generel",
        "'families.dncnn_3.degradation' is 'generel'.*did you mean 'general'",
    ),
    (r"\[\[2, 4\], \[5, 99\]\]", "[[2, 4], [99, 5]]", r"'families.dncnn_3.level_ranges' is \[99, 5\]; give the lower"),
    (
        r"degradation: jpeg, levels: \[10, 20",
        "degradation: jpg, levels: [10, 20",
        "classic5-jpeg.degradation' is 'jpg', .*jpeg",
    ),
    (r"protocol: jpeg", "protocol: jpg", "'degraded.classic5-jpeg.protocol' is 'jpg', .*did you mean 'jpeg'"),
    (
        r"family: vdsr, pair",
        "family: ffdnet_color, pair",
        "'.*vdsr.family' is 'ffdnet_color', 3 channels, .*, 1 channels",
    ),
    (
        r"method: TNRD, levels: \[10, 20, 30\]",
        "method: TNRD",
        "'.*classic5-tnrd.levels' is 'quality40', .*no model of tnrd_j",
    ),
    (
        r"method: xSRCNN-f, levels: \[3, 4\]",
        "method: xSRCNN-f, levels: [3, 5]",
        "'.*xsrcnn_f.levels' is 5, .*no level of",
    ),
    (r"filter: bm3d", "filter: bm4d", "'filters.kodak-cbm3d.filter' is 'bm4d', .*allowed: bm3d, .*noisy"),
    (r"momentum: 0.9", "momemtum: 0.9", "unknown key 'schedules.liu2020.momemtum'.*did you mean 'momentum'"),
    (r"curve: step", "curve: steps", "'schedules.liu2020.curve' is 'steps'; allowed: step, .*did you mean 'step'"),
    (r"curve: exponential, final: 1.0e-4", "curve: exponential", "'schedules.zhang2017.final' is missing; add it"),
    (r"optimizer: adamw", "optimizer: adamm", "'schedules.modern.optimizer' is 'adamm'.*did you mean 'adam"),
    (r"loss: half_sse", "loss: sse", "'schedules.zhang2017.loss' is 'sse'; allowed: mse, half_mse_255, half_sse"),
    (r"average: 0.999", "average: 1", "'schedules.modern.average': 1 is greater .*from 0 to below 1"),
    (
        r"learning_rate: 1.0e-3, curve: cosine",
        "learning_rate: 0, curve: cosine",
        "'schedules.modern.learning_rate'.*give a rate above 0",
    ),
    (r"steps: 1500000, ", "", "key 'schedules.liu2020.steps' is missing; add it"),
    (r"schedule: zhang2017$", "schedule: zhang2018", "'families.dncnn_s.schedule' is 'zhang2018'.*mean 'zhang2017"),
    (r"    schedule: liu2020\n", "", "key 'families.proposed.schedule' is missing; add it"),
    (r"validation: set12", "validation: set122", "'families.dncnn_s.validation' is 'set122'.*did you mean 'set12'"),
    (r"    validation: kodak\n", "", "key 'families.dncnn_color.validation' is missing; add it"),
    (r"weights: released", "weights: relaesed", r"'families\.\w+\.weights' is 'relaesed', .*of kind weights"),
    (
        r"released\n    published: .*",
        "released\n    published: {sigma36: a}",
        r"'families\.\w+\.published' is 'sigma36'",
    ),
    (r"scales: 3", "scales: 1", "'families.proposed.network.scales': 1 is less.*from 2 to 8"),
    (r"skip: true", "skip: 1", "'families.proposed.network.skip': 1 is not of type 'boolean'; give true or false"),
    (r"decoder: 256", "decodr: 256", "unknown key 'families.proposed.network.decodr'.*did you mean 'decoder'"),
    (
        r"s2_skip_e128_d128, sigmas: \[35\]\}",
        "s2_skip_e128_d128, sigmas: [36]}",
        "'evaluations.kodak-s2_skip_e128_d128.sigmas' is 36, .*no level of noisy.kodak",
    ),
    (
        r"border: mean",
        "border: zero",
        "'evaluations.kodak-proposed_mean.network.border' is 'zero'; allowed: reflect, mean",
    ),
    (
        r"network: \{border: mean\}",
        "network: {skip: false}",
        "unknown key 'evaluations.kodak-proposed_mean.network.skip'",
    ),
]
SCALE_MISTAKES = [
    ({"threads": 0}, "'threads': 0 is less than the minimum"),
    ({"training": None}, "'training': .*say how to train, or set published_weights: true"),
    ({"training": {"steps": 4}}, "key 'training.mode' is missing; add it"),
    ({"training": {"mode": "quick"}}, "'training.mode' is 'quick'; allowed: reference, fast"),
    ({"training": {"mode": "fast", "step": 4}}, "unknown key 'training.step'.*did you mean 'steps'"),
    ({"training": {"mode": "fast", "patch": 4}}, "'training.patch': 4 is less .*give a side of 8 to 2048 pixels"),
    ({"training": {"mode": "fast", "momentum": 0.5}}, "unknown key 'training.momentum'; allowed: "),
    ({"miniature": 5}, "'miniature': 5 is not of type 'boolean'; say whether"),
]


@pytest.mark.parametrize("scale", ["demo", "bench", "short", "warm", "modern", "paper"])
def test_committed_configuration_is_valid(project: Path, scale: str):
    config = load_config(scale)
    assert config.scale == config.params["scale"] == scale
    assert config.settings["budget"]


@pytest.mark.parametrize(("pattern", "replacement", "expected"), MISTAKES)
def test_mistakes_are_named_in_one_line(project: Path, pattern: str, replacement: str, expected: str):
    text = Path("params.yaml").read_text()
    wrong = re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE)
    assert wrong != text
    Path("params.yaml").write_text(wrong)
    with pytest.raises(UserError) as error:
        load_config()
    assert re.search(expected, str(error.value)), str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("change", "expected"), SCALE_MISTAKES)
def test_mistake_in_a_scale_names_its_file(project: Path, change: dict, expected: str):
    path = Path("workflow/scales/demo.yaml")
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    with pytest.raises(UserError, match=rf"workflow/scales/demo.yaml: {expected}") as error:
        load_config()
    assert "\n" not in str(error.value)


def test_scale_that_trains_needs_a_schedule(project: Path):
    path = Path("workflow/scales/bench.yaml")
    path.write_text(path.read_text().replace("published_weights: true", "published_weights: false"))
    with pytest.raises(UserError, match="'training'.*say how to train"):
        load_config("bench")


def test_missing_file_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="params.yaml: not found; run from the root"):
        load_config()


def test_what_the_engine_has_checked_is_not_checked_again_while_it_is_the_same(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    checked = load_config("demo")
    monkeypatch.setenv(CHECKED, fingerprint("demo"))
    with monkeypatch.context() as patched:
        patched.setattr("redenoise.dag.config.check", lambda *given: pytest.fail("checked again"))
        assert load_config("demo") == checked
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("seed: 0", "seed: zero"))
    with pytest.raises(UserError, match="give a whole number"):
        load_config("demo")


def test_unknown_node_offers_the_nearest(project: Path):
    with pytest.raises(UserError, match="did you mean 'set12-dncnn_s'"):
        load_config().entry("evaluate", "set12-dncn_s")


def test_node_params_change_with_their_own_entry_only(project: Path):
    before = load_config()
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("depth: 17", "depth: 18", 1))
    after = load_config()
    changed = {
        (stage, key)
        for stage in SECTIONS
        for key in before.keys(stage)
        if before.node_params(stage, key) != after.node_params(stage, key)
    }
    assert changed == {("train", "dncnn_s")}


def test_a_changed_schedule_changes_every_training_and_nothing_else(project: Path):
    before = load_config()
    path = Path("params.yaml")
    path.write_text(path.read_text().replace("steps: 40000", "steps: 20000"))
    after = load_config()
    changed = {node[0] for node in before.nodes() if before.node_params(*node) != after.node_params(*node)}
    assert changed == {"train", "task", "cascade"}


def test_single_nodes_follow_the_stage_that_they_need(project: Path):
    names = [stage for stage, _ in load_config().nodes()]
    assert names.count("released") == names.count("architecture") == 1
    last, first = len(names) - 1 - names[::-1].index("download"), names.index("train")
    assert last < names.index("released") < first
    assert names.index("architecture") > len(names) - 1 - names[::-1].index("train")
