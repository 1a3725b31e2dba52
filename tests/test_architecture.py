"""What is counted of networks and filters without an image: parameters, and how far a result reaches."""

import csv
from contextlib import nullcontext

import pytest
import torch

from redenoise.dag import paths
from redenoise.dag.config import load_config
from redenoise.models import denoisers
from stages.architecture import node, windows
from stages.architecture.receptive import receptive_field

SMALL = (
    {"name": "dncnn", "channels": 1, "depth": 4, "width": 4, "batch_norm": False},
    {"name": "srcnn", "sides": [5, 1, 3], "widths": [4, 4]},
    {"name": "xdncnn", "units": 2, "width": 4, "support": 5},
    {"name": "tnrd", "stages": 2, "side": 5},
)
SIDE = 41


def spec_id(spec: dict) -> str:
    return spec["name"]


@pytest.mark.parametrize("spec", SMALL, ids=spec_id)
def test_the_gradient_of_a_pixel_is_not_zero_exactly_inside_the_receptive_field(spec):
    torch.manual_seed(0)
    network = denoisers.build(spec).eval()
    found = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for _ in range(8):  # a pixel that a ReLU closes, or that a function does not change by, opens in another image
        image = torch.rand(1, 1, SIDE, SIDE, requires_grad=True)
        centre = network(image, torch.full((1,), 0.1))[0, 0, SIDE // 2, SIDE // 2]
        found |= torch.autograd.grad(centre, image)[0][0, 0] != 0
    side = receptive_field(network, 1)
    low, high = SIDE // 2 - side // 2, SIDE // 2 + side // 2 + 1
    expected = torch.zeros_like(found)
    expected[low:high, low:high] = True
    assert side < SIDE and torch.equal(found, expected)


def test_strides_dilations_and_pools_widen_what_comes_after_them():
    class Chain(torch.nn.Sequential):
        def forward(self, image, sigma):
            return super().forward(image)

    layers = [
        torch.nn.Conv2d(1, 2, 3, stride=2),
        torch.nn.MaxPool2d(2),
        torch.nn.AvgPool2d(2, stride=1),
        torch.nn.Conv2d(2, 1, 3, dilation=2, padding=2),
    ]
    assert receptive_field(Chain(*layers), 1) == 1 + 2 + 2 + 4 + 4 * 4
    assert receptive_field(Chain(*layers, torch.nn.ConvTranspose2d(1, 1, 4, stride=2)), 1) is None


@pytest.mark.parametrize("spec", [{"name": "mlp", "width": 4, "depth": 1}, {"name": "ffdnet", "width": 4}], ids=spec_id)
def test_what_differs_from_pixel_to_pixel_has_no_receptive_field(spec):
    assert receptive_field(denoisers.build(spec), denoisers.full_spec(spec)["channels"]) is None


def test_windows_that_follow_one_another_add_up():
    assert windows.effective([25, 25]) == 49
    assert dict(windows.sizes({"small": {"network": {"name": "epll", "side": 4, "betas": [1, 4]}}}))["small"] == 7
    assert dict(windows.sizes({"small": {"network": {"name": "mlp", "side": 9, "inner": 5}}}))["small"] == 13


def test_the_stage_counts_the_networks_at_full_size_at_every_scale(tmp_path, monkeypatch):
    config = load_config("demo")
    monkeypatch.setattr(paths, "results", lambda scale, key: tmp_path / f"{key}.csv")
    monkeypatch.setattr(node.provenance, "recorded", lambda *_: nullcontext())
    node.run(config)
    with (tmp_path / "architecture.csv").open() as file:
        found = {(row["item"], row["metric"]): int(row["value"]) for row in csv.DictReader(file)}
    for key, entry in config.params["families"].items():
        if "variants" in entry:
            continue
        with torch.device("meta"):
            network = denoisers.build(denoisers.stored_spec(entry["network"]))
        size = sum(parameter.numel() for parameter in network.parameters())
        counted = found.get((key, "params"), 0)
        assert counted < size if entry["network"]["name"] == "multiscale" else counted == size
    assert found["dncnn_s", "receptive_field"] == 2 * config.params["families"]["dncnn_s"]["network"]["depth"] + 1
    # By hand: 3x3 and 9x9 filters, and scale and shift of normalisations; three layers of 16, 1 and 8 pixels.
    unit = (81 + 4) * 64
    assert found["xdncnn", "params_without_bias"] == 2 * 576 + 7 * 36864 + 8 * unit + 7 * 128
    assert found["xdncnn_deraining", "params_without_bias"] == found["xdncnn", "params_without_bias"] + 4 * 576
    assert (
        found["xnet-support_11-depth_4-sigma25", "params_without_bias"] == 2 * 576 + 2 * 36864 + 3 * 125 * 64 + 4 * 64
    )
    assert found["xnet-support_9-depth_4-sigma25", "activation_params"] == 3 * unit
    assert found["convnet-depth_4-sigma25", "activation_params"] == 0
    assert found["derainnet", "params_without_bias"] == 512 * (3 * 16**2 + 512 + 3 * 8**2)
