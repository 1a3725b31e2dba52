"""Released weights: their index, their import, families of which only some levels are released, going on from them."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from redenoise.commands import release as release_command
from redenoise.commands.release import release
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.dag.indexed import read_index, write_index
from redenoise.models import denoisers
from redenoise.models.weights import load_network, save_network
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, sha256_file, write_json
from stages.evaluate.node import run as evaluate
from stages.released.node import run as index_released
from stages.synthesize.node import run as synthesize
from stages.train.node import run as train
from tests.conftest import ROOT
from tests.training_project import INDEX, make_images, options, small_demo

SPEC = {"name": "multiscale", "channels": 3, "scales": 2, "encoder": 4, "decoder": 8, "skip": True}


def put_release(name: str, sigma: int = 25, spec: dict | None = None, **card) -> Path:
    """Weights of a network that has not learned, and their card, in weights/."""
    spec = spec or SPEC
    torch.manual_seed(sigma)
    path = paths.WEIGHTS / f"{name}.safetensors"
    save_network(path, denoisers.build(spec), spec, "a test")
    known = {
        "origin": "a test", "schedule": "modern", "steps": 8, "steps_done": 4, "sigma_range": [sigma, sigma],
        "hours": 1.0, "restarts": [], "curve": [[2, 0.1, 20.0, 21.0], [4, 0.1, 22.0, 23.0]],
    }  # fmt: skip
    write_json(path.with_suffix(".json"), {**known, "sha256": sha256_file(path), **card})
    return path


def importing(config: Config, published: dict, network: dict = SPEC) -> Config:
    """A configuration whose family `proposed` is small and imports what is released."""
    family = {**config.params["families"]["proposed"], "network": network, "published": published}
    params = {**config.params, "families": {**config.params["families"], "proposed": family}}
    return replace(config, params=params, settings={**config.settings, "published_weights": True, "miniature": False})


def test_the_committed_list_is_that_of_the_cards(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    cards = release_command.cards()
    assert (paths.WEIGHTS / "README.md").read_text("utf-8") == release_command.readme(cards)
    held = {f"{card['family']}-{card['model']}": card["parameters"] for card in cards}
    network, _ = load_network(paths.WEIGHTS / "proposed-sigma25.safetensors")
    normalised = [part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert normalised and held["proposed-sigma25"] == sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture
def config(project: Path) -> Config:
    return small_demo(learning_rate=1e-3)


def test_the_index_lists_every_release_with_its_card(config):
    for name in ("proposed-sigma50", "proposed-sigma25"):
        put_release(name)
    (paths.WEIGHTS / "README.md").write_text("not a weight")
    index_released(config)
    folder = paths.data("demo", "released")
    rows = read_index(folder)
    assert [row["id"] for row in rows] == ["proposed-sigma25", "proposed-sigma50"]
    for row in rows:
        assert sha256_file(folder / row["path"]) == row["sha256"]
        assert (folder / row["path"]).read_bytes() == (paths.WEIGHTS / row["path"]).read_bytes()
        assert read_json(folder / f"{row['id']}.json")["sha256"] == row["sha256"]
    assert len(list(folder.iterdir())) == 5
    record = provenance.read(paths.provenance("demo", "released"))
    assert len(record["inputs"]) == 4 and record["weights"] == 2


def test_without_releases_the_index_is_empty(config):
    index_released(config)
    assert read_index(paths.data("demo", "released")) == []


def test_weights_that_are_not_those_of_their_card_are_refused(config):
    path = put_release("proposed-sigma25")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(
        UserError, match="weights/proposed-sigma25.safetensors: SHA-256 is .*, its card says .*git checkout"
    ):
        index_released(config)


def test_weights_without_a_card_are_refused(config):
    put_release("proposed-sigma25").with_suffix(".json").unlink()
    with pytest.raises(UserError, match="weights/proposed-sigma25.json: missing"):
        index_released(config)


def imported(config: Config, published: dict, network: dict = SPEC) -> Config:
    config = importing(config, published, network)
    index_released(config)
    train(config, "proposed", options())
    return config


def test_an_imported_release_has_the_same_tensors_and_hands_on_its_card(config):
    path = put_release("proposed-sigma25", psnr={"Kodak": {"25": 30.0}})
    imported(config, {"sigma25": "proposed-sigma25"})
    stored = paths.weights("demo", "proposed") / "sigma25.safetensors"
    first, second = load_file(path), load_file(stored)
    assert set(first) == set(second) and all(torch.equal(first[name], second[name]) for name in first)
    assert load_network(stored)[1] == SPEC
    record = provenance.read(paths.provenance("demo", "train", "proposed"))
    assert record["models"]["sigma25"] == read_json(path.with_suffix(".json"))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({**SPEC, "encoder": 8}, "released with encoder 8, but the family's network has 4"),
        ({**SPEC, "skip": False}, "released with skip False, but the family's network has True"),
        ({**SPEC, "divisor": 2, "encoder": 4, "decoder": 8}, "released with divisor 2"),
        ({**SPEC, "fusion": "sum"}, "released with fusion 'sum'"),
    ],
)
def test_a_release_of_another_network_is_refused(config, spec, expected):
    put_release("proposed-sigma25", spec=spec)
    with pytest.raises(UserError, match=f"proposed-sigma25.safetensors: {expected}"):
        imported(config, {"sigma25": "proposed-sigma25"})


def test_initialisation_and_range_of_the_schedule_are_part_of_a_release(config):
    spec = {**SPEC, "init": "xavier", "input_scale": 255}
    put_release("proposed-sigma25", spec=spec)
    imported(config, {"sigma25": "proposed-sigma25"})
    assert load_network(paths.weights("demo", "proposed") / "sigma25.safetensors")[1] == spec


def test_a_release_for_another_level_is_refused(config):
    put_release("proposed-sigma50", sigma=50)
    with pytest.raises(UserError, match="proposed-sigma50.*50.*sigma25"):
        imported(config, {"sigma25": "proposed-sigma50"})


def test_an_unknown_release_is_named(config):
    put_release("proposed-sigma50", sigma=50)
    with pytest.raises(UserError, match="released: no weights 'proposed-sigma25'; found proposed-sigma50"):
        imported(config, {"sigma25": "proposed-sigma25"})


def test_levels_that_are_not_released_yet_are_left_out_and_named(config, capsys):
    put_release("proposed-sigma25")
    config = imported(config, {"sigma25": "proposed-sigma25"})
    missing = read_json(paths.weights("demo", "proposed") / "missing.json")
    assert set(missing) == {"sigma35", "sigma50"}
    synthesize(config, "kodak")
    evaluate(config, "kodak-proposed")
    record = provenance.read(paths.provenance("demo", "evaluate", "kodak-proposed"))
    assert record["unavailable_levels"] == {
        f"sigma={sigma}": f"no weights of proposed for sigma{sigma} are released yet" for sigma in (35, 50)
    }
    assert "unavailable" not in record
    lines = paths.results("demo", "kodak-proposed").read_text().splitlines()[1:]
    assert len(lines) == 2 * 2 and all(",sigma=25,Proposed," in line for line in lines)
    left_out = "; sigma=35 left out: no weights of proposed for sigma35 are released yet; sigma=50 left out: "
    assert f"evaluate kodak-proposed: made 2 of 2, found 0 made already{left_out}" in capsys.readouterr().err


def test_a_node_none_of_whose_levels_has_weights_says_so(config, capsys):
    put_release("proposed-sigma25")
    config = imported(config, {"sigma25": "proposed-sigma25"})
    config.params["evaluations"]["kodak-proposed"]["sigmas"] = [50]
    synthesize(config, "kodak")
    evaluate(config, "kodak-proposed")
    said = capsys.readouterr().err
    assert "evaluate kodak-proposed: nothing to make: " in said and "sigma=50 left out: no weights of proposed" in said
    assert "made 0 of 0" not in said


def test_a_family_with_all_levels_misses_none(config):
    for sigma in (25, 35, 50):
        put_release(f"proposed-sigma{sigma}", sigma)
    config = imported(config, {f"sigma{sigma}": f"proposed-sigma{sigma}" for sigma in (25, 35, 50)})
    assert not (paths.weights("demo", "proposed") / "missing.json").exists()
    synthesize(config, "kodak")
    evaluate(config, "kodak-proposed")
    assert "unavailable_levels" not in provenance.read(paths.provenance("demo", "evaluate", "kodak-proposed"))


def test_a_family_without_releases_says_so(config):
    imported(config, {})
    record = provenance.read(paths.provenance("demo", "train", "proposed"))
    assert record["unavailable"].startswith("no weights of proposed are published or released yet")


def test_what_is_trained_and_released_is_what_is_evaluated(config, monkeypatch, capsys):
    """From training to weights/ and back: the imported network denoises as the trained one, if no bit of it is lost."""
    monkeypatch.setattr(release_command, "HIGHEST_COST", -math.inf)
    make_images("cbsd68", (40, 36, 3))
    train(config, "proposed", options())
    synthesize(config, "kodak")
    evaluate(config, "kodak-proposed")
    expected = paths.results("demo", "kodak-proposed").read_text()
    published = {}
    for model in ("sigma25", "sigma35", "sigma50"):
        published[model] = release(config, "proposed", model).stem
    card = json.loads((paths.WEIGHTS / "proposed-sigma25.json").read_text())
    assert (card["steps_done"], card["sigma_range"], card["precision"]) == (4, [25, 25], "float32")
    assert "proposed sigma25: 16 bits would cost " in capsys.readouterr().err
    entry = config.params["families"]["proposed"]["network"]
    imported(config, published, {**entry, "divisor": 16})
    evaluate(config, "kodak-proposed")
    assert paths.results("demo", "kodak-proposed").read_text() == expected
    values = [float(line.split(",")[-1]) for line in expected.splitlines() if ",sigma=25,Proposed,psnr," in line]
    assert card["psnr"]["Kodak"]["25"] == pytest.approx(sum(values) / len(values), abs=1e-4)


def test_a_release_has_16_bits_where_they_cost_next_to_nothing(config):
    make_images("cbsd68", (40, 36, 3))
    train(config, "proposed", options(model="sigma25"))
    path = release(config, "proposed", "sigma25")
    card, half = read_json(path.with_suffix(".json")), load_network(path)[0]
    assert card["precision"] == "float16" and abs(card["precision_cost"]) < release_command.HIGHEST_COST
    assert {tensor.dtype for tensor in load_file(path).values() if tensor.ndim > 1} == {torch.float16}
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float32}
    line = next(line for line in (paths.WEIGHTS / "README.md").read_text().splitlines() if "proposed-sigma25" in line)
    assert f"| {card['precision_cost']:z.4f} " in line
    whole = release_command.trained(config, "train", "proposed", "sigma25")[0]
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(half.state_dict()[name].float(), tensor.float(), rtol=2**-11, atol=1e-7)


def test_weights_beyond_the_range_of_16_bits_are_stored_in_32(config, monkeypatch, capsys):
    make_images("cbsd68", (40, 36, 3))
    train(config, "proposed", options(model="sigma25"))
    network, card = release_command.trained(config, "train", "proposed", "sigma25")
    network.stem.weight.data[0, 0, 0, 0] = 1e5
    monkeypatch.setattr(release_command, "trained", lambda *_: (network, card))
    path = release(config, "proposed", "sigma25")
    assert read_json(path.with_suffix(".json"))["precision"] == "float32"
    assert load_file(path)["stem.weight"].max() == 1e5
    assert "proposed sigma25: 16 bits would cost inf dB, 0.002 or more; stored in 32" in capsys.readouterr().err


def test_what_restores_anything_but_noise_is_not_released(config):
    with pytest.raises(UserError, match="vdsr restores what bicubic has done, and a card has PSNR against noise"):
        release(config, "vdsr", "model")


def test_nothing_is_released_without_the_images_that_measure_it(config):
    train(config, "proposed", options(model="sigma25"))
    for key in ("kodak", "cbsd68"):
        write_index(paths.data("demo", key), INDEX, [])
    with pytest.raises(UserError, match="data/kodak: no images"):
        release(config, "proposed", "sigma25")
    assert not [path for path in paths.WEIGHTS.glob("*") if path.suffix in (".safetensors", ".json")]


def continued(config: Config, path: Path) -> dict:
    """Train the family from released weights; returns the cards of its models."""
    entry = {**config.params["families"]["proposed"], "network": SPEC}
    params = {**config.params, "families": {**config.params["families"], "proposed": entry}}
    config = replace(config, params=params, settings={**config.settings, "miniature": False})
    train(config, "proposed", options(continue_from=path))
    return provenance.read(paths.provenance("demo", "train", "proposed"))["models"]


def test_training_goes_on_at_the_step_of_a_release(project):
    config = small_demo(steps=8, log_every=2, validate_every=4)
    cards = continued(config, put_release("proposed-sigma25", steps_done=5))
    same, other = cards["sigma25"], cards["sigma35"]
    assert [point[0] for point in same["curve"]] == [2, 4, 6, 8]
    assert same["curve"][:2] == [[2, 0.1, 20.0, 21.0], [4, 0.1, 22.0, 23.0]]
    assert same["restarts"] == [
        "continued from the weights of proposed-sigma25.safetensors with a new optimiser at step 5"
    ]
    assert same["hours"] >= 1.0
    assert [point[0] for point in other["curve"]] == [2, 4, 6, 8]
    assert other["restarts"] == ["started from the weights of proposed-sigma25.safetensors, step 5"]
    assert other["hours"] < 1.0


@pytest.mark.parametrize("card", [{"schedule": "liu2020"}, {"steps": 100}])
def test_weights_of_another_schedule_are_a_start_and_not_a_step_of_this_one(project, card):
    config = small_demo(steps=8, log_every=4, validate_every=4)
    found = continued(config, put_release("proposed-sigma25", **card))["sigma25"]
    assert found["restarts"] == ["started from the weights of proposed-sigma25.safetensors, step 4"]
    assert [point[0] for point in found["curve"]] == [4, 8]


def test_the_first_line_of_the_log_after_a_restart_counts_the_steps_that_were_done(project):
    """The average is over the steps since the restart, not over a whole window."""
    found = []
    for log_every in (1, 6):
        config = small_demo(steps=6, log_every=log_every, validate_every=6)
        found.append(continued(config, put_release("proposed-sigma25", steps=6, steps_done=5))["sigma25"]["curve"][-1])
    assert found[0] == found[1]


@pytest.mark.parametrize("change", [{"input_scale": 255}, {"skip": False}, {"encoder": 8}, {"fusion": "sum"}])
def test_training_does_not_go_on_from_another_network(project, change):
    name = next(iter(change))
    with pytest.raises(UserError, match=f"proposed-sigma25.safetensors: released with {name} "):
        continued(small_demo(steps=8), put_release("proposed-sigma25", spec={**SPEC, **change}))


def test_a_checkpoint_comes_before_a_release(project):
    config = small_demo(steps=8)
    train(config, "proposed", options(model="sigma25"))
    checkpoint = paths.build("demo") / "checkpoints/proposed/sigma25.safetensors"
    before = checkpoint.read_bytes()
    train(config, "proposed", options(model="sigma25", continue_from=Path("weights/none.safetensors")))
    assert checkpoint.read_bytes() == before
