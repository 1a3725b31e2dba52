"""Tiles against whole: the pixels of a large picture are those of the network, wherever it was cut."""

import pytest
import torch
from torch import nn

from redenoise.commands.denoise.tiles import REACH, SIDE, ByChannel, Tiled
from redenoise.models import denoisers
from redenoise.support.errors import UserError

CPU = torch.device("cpu")
SPECS = [
    {"name": "dncnn", "channels": 3, "depth": 7, "width": 4},
    {"name": "ffdnet", "channels": 1, "depth": 5, "width": 4},
    {"name": "tnrd", "stages": 3, "side": 5},
    {"name": "mlp", "depth": 1, "width": 16, "side": 13, "inner": 7},
    *(
        {"name": "multiscale", "scales": scales, "divisor": 16, "downsampling": pooling, "border": border}
        for scales, pooling, border in ((2, "pool", "reflect"), (3, "conv", "mean"), (4, "pool", "reflect"))
    ),
]


FLOAT = ("tnrd", "mlp")  # compute in single precision, whatever they are given
NAMES = [f"{spec['name']}{spec.get('scales', '')}" for spec in SPECS]


def network(spec: dict) -> nn.Module:
    """One with random weights, all of which change the result."""
    torch.manual_seed(0)
    built = denoisers.build(spec).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return built if spec["name"] in FLOAT else built.double()


def largest_difference(spec: dict, shape: tuple[int, int], margin: int | None = None) -> float:
    """Between a random image cut in tiles of 96 pixels and whole; with another margin if one is given."""
    built = network(spec)
    like = next(built.parameters())
    noisy = torch.rand(1, spec.get("channels", 3 if spec["name"] == "multiscale" else 1), *shape).to(like)
    tiled, sigma = Tiled(built, spec["name"], CPU, side=96), torch.tensor([0.1]).to(like)
    if margin is not None:
        tiled.reach = tiled.reach._replace(margin=margin)
    with torch.inference_mode():
        return float((tiled(noisy, sigma) - built(noisy, sigma)).abs().max())


@pytest.mark.parametrize("spec", SPECS, ids=NAMES)
@pytest.mark.parametrize("shape", [(205, 158), (96, 301)])
def test_tiles_give_the_pixels_of_the_whole(spec: dict, shape: tuple[int, int]):
    assert largest_difference(spec, shape) < (1e-5 if spec["name"] in FLOAT else 1e-12)


@pytest.mark.parametrize("spec", SPECS, ids=NAMES)
def test_with_less_overlap_the_pixels_would_differ(spec: dict):
    step = REACH[spec["name"]](denoisers.build(spec)).step
    assert largest_difference(spec, (205, 158), margin=step) > 1e-4


def test_tiles_begin_where_every_grid_does():
    for spec in SPECS:
        reach = REACH[spec["name"]](denoisers.build(spec))
        assert SIDE % reach.step == reach.margin % reach.step == 0


class Spy(nn.Module):
    """A network that notes how many pixels it was given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.log_steps, self.side, self.seen = torch.zeros(3), 5, []

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """The image as it is."""
        self.seen.append(noisy.shape[-2] * noisy.shape[-1])
        return noisy


def test_memory_is_bounded_by_a_tile_and_what_it_sees():
    spy, image = Spy(), torch.rand(1, 1, 330, 250)
    assert torch.equal(Tiled(spy, "tnrd", CPU, side=96)(image, torch.tensor([0.1])), image)
    assert max(spy.seen) == (96 + 2 * 12) ** 2 and len(spy.seen) == 12


class Greedy(nn.Module):
    """A network without end of memory."""

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """Ask for a petabyte."""
        return torch.empty(1 << 50)


def test_no_memory_is_one_line():
    with pytest.raises(UserError, match="40x30 pixels: no memory left, and csf takes pictures whole; cut it"):
        Tiled(Greedy(), "csf", CPU)(torch.rand(1, 1, 30, 40), torch.tensor([0.1]))


@pytest.mark.parametrize("name", ["csf", "epll", "a network of the user"])
def test_networks_that_may_look_at_the_whole_picture_are_not_cut(name: str):
    spy = Spy()
    Tiled(spy, name, CPU, side=96)(torch.rand(1, 1, 330, 250), torch.tensor([0.1]))
    assert spy.seen == [330 * 250]


def test_a_gray_network_is_taken_to_every_channel():
    built = network({"name": "ffdnet", "channels": 1, "depth": 3, "width": 4})
    noisy, sigma = torch.rand(1, 3, 12, 14, dtype=torch.float64), torch.tensor([0.1], dtype=torch.float64)
    with torch.inference_mode():
        found = ByChannel(built)(noisy, sigma)
        for channel in range(3):
            assert torch.equal(found[:, channel], built(noisy[:, channel : channel + 1], sigma)[:, 0])
