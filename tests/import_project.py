"""A network of somebody else and what imports it, for the tests of `redenoise import`."""

from pathlib import Path

import pytest
import torch
from torch import nn

from redenoise.commands import main as commands
from redenoise.models.weights import load_network

NOISY = torch.rand(1, 1, 20, 24, generator=torch.Generator().manual_seed(0))
SIGMA = torch.tensor([0.1])


class Theirs(nn.Module):
    """A DnCNN as many programs have it: layers in a row under a name of their own, normalisation not merged."""

    def __init__(self, channels: int = 1, bias: bool = False, epsilon: float = 1e-5) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, 8, 3, padding=1, bias=bias), nn.ReLU()]
        for _ in range(3):
            layers += [nn.Conv2d(8, 8, 3, padding=1, bias=bias), nn.BatchNorm2d(8, eps=epsilon), nn.ReLU()]
        self.dncnn = nn.Sequential(*layers, nn.Conv2d(8, channels, 3, padding=1, bias=bias))
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_mean), nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 2), nn.init.uniform_(module.bias)

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """The noise taken away."""
        return noisy - self.dncnn(noisy)


@pytest.fixture
def theirs(project: Path) -> Theirs:
    """A network of somebody else, in a checkout without weights."""
    torch.manual_seed(0)
    Path("weights").mkdir()
    return Theirs().eval()


def take(file: str, *arguments: object, name: str = "theirs", network: str = "dncnn") -> str:
    """Import a file, for sigma 25 unless told otherwise."""
    levels = () if {"--sigma", "--sigma-range"} & {*map(str, arguments)} else ("--sigma", 25)
    commands.main(["import", file, *map(str, ("--network", network, "--name", name, *levels, *arguments))])
    return f"weights/{name}-{'model' if '--sigma-range' in arguments else 'sigma25'}.safetensors"


def check_same(path: str, expected: torch.Tensor, noisy: torch.Tensor = NOISY) -> None:
    """What was imported computes what was expected."""
    network, _ = load_network(path)
    with torch.inference_mode():
        assert torch.allclose(network(noisy, SIGMA), expected, atol=1e-5)
