"""ConvNet and xNet: what they are made of, and their parameters as Kligvasser et al. 2018 count them."""

import pytest
import torch
from torch import nn

from redenoise.models.denoisers import build, convnet, xdncnn, xnet

BUDGET = 99_136  # of figure 4


def counted(network: nn.Module) -> int:
    """Parameters without the biases of convolutions, as the printed 303K of xDnCNN are."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)]
    biases = sum(layer.bias.numel() for layer in layers if isinstance(layer, nn.Conv2d) and layer.bias is not None)
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters()) - biases


def in_activations(network: nn.Module) -> int:
    return sum(counted(unit.gate) for unit in network.modules() if isinstance(unit, xdncnn.XUnit))


def test_an_xnet_of_4_convolutions_and_the_largest_support_has_the_parameters_of_figure_4():
    network = xnet.build(depth=4, support=11)
    assert counted(network) == BUDGET
    assert in_activations(network) == 3 * (11**2 + 4) * 64  # section 3: (r^2 + 4) d of each xUnit


def test_an_xnet_of_9_convolutions_is_an_xdncnn():
    state, other = (network.state_dict() for network in (xnet.build(depth=9), xdncnn.build()))
    assert {name: tensor.shape for name, tensor in state.items()} == {name: t.shape for name, t in other.items()}
    assert 303_000 <= counted(xnet.build(depth=9)) < 304_000


@pytest.mark.parametrize("depth", [2, 5])
def test_a_convnet_normalises_and_rectifies_after_every_convolution_but_the_last(depth: int):
    network = convnet.build(channels=3, depth=depth, width=8)
    kinds = [type(layer) for layer in network.layers]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * (depth - 1)
    assert counted(network) == 9 * (3 * 8 + (depth - 2) * 8**2 + 8 * 3) + 2 * 8 * (depth - 1)
    assert in_activations(network) == 0


@pytest.mark.parametrize("spec", [{"name": "convnet"}, {"name": "xnet", "support": 3}], ids=lambda spec: spec["name"])
def test_they_predict_the_noise(spec: dict):
    network = build({**spec, "channels": 3, "depth": 3, "width": 4}).eval()
    noisy = torch.rand(2, 3, 9, 7)
    with torch.no_grad():
        for parameter in network.last.parameters():
            parameter.zero_()
        assert torch.equal(network(noisy, torch.zeros(2)), noisy)
        network.last.bias.fill_(0.25)
        assert torch.equal(network(noisy, torch.zeros(2)), noisy - 0.25)
