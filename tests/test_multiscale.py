"""The proposed denoiser: counts of table I, sizes, borders, skip, initialisation, range."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from redenoise.dag.config import load_config
from redenoise.models import denoisers
from redenoise.models.denoisers import multiscale
from redenoise.models.denoisers.multiscale import MARGIN, MEAN_RGB, MultiScale, count_parameters
from redenoise.support.errors import UserError
from redenoise.training.schedule import schedule_for

SIZES = [(1, 1), (2, 3), (5, 7), (8, 8), (17, 23), (30, 33)]


def tiny(**options) -> MultiScale:
    """A miniature in evaluation mode whose normalisation has statistics of its own."""
    torch.manual_seed(0)
    network = MultiScale(**{"divisor": 16, **options})
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def image(*size: int, channels: int = 3, seed: int = 0) -> torch.Tensor:
    return torch.rand(2, channels, *size, generator=torch.Generator().manual_seed(seed))


def silent(network: MultiScale) -> MultiScale:
    """The network with a last convolution that gives 0."""
    nn.init.zeros_(network.last.weight)
    nn.init.zeros_(network.last.bias)
    return network


def whole_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("scales", "encoder", "decoder", "printed", "with_stem"),
    [
        (2, 128, 128, None, 395_715),
        (2, 128, 256, None, 598_979),
        (3, 128, 128, 591_843, 596_707),
        (3, 128, 256, 1_026_019, 1_030_883),
        (3, 256, 256, 2_212_099, 2_216_963),
        (4, 128, 128, None, 1_029_123),
        (4, 128, 256, None, 1_463_299),
        (4, 256, 256, None, 3_946_051),
    ],
)
def test_parameter_counts_of_table_1(scales, encoder, decoder, printed, with_stem):
    with torch.device("meta"):
        network = MultiScale(scales=scales, encoder=encoder, decoder=decoder)
    assert count_parameters(network) + 64 * 3 * 25 + 64 == with_stem
    if printed:
        assert count_parameters(network) == printed


def test_the_chosen_network_has_as_many_parameters_as_the_released_one():
    assert whole_count(MultiScale()) == 1_033_443


@pytest.mark.parametrize("scales", [2, 3, 4, 5])
@pytest.mark.parametrize(("fusion", "downsampling"), list(itertools.product(("concat", "sum"), ("conv", "pool"))))
def test_output_has_the_size_of_the_input(scales, fusion, downsampling):
    for border, channels in (("reflect", 3), ("mean", 1)):
        options = {"fusion": fusion, "downsampling": downsampling, "border": border, "channels": channels}
        network = tiny(scales=scales, **options)
        for size in SIZES:
            noisy = image(*size, channels=channels)
            with torch.inference_mode():
                output = network(noisy)
            assert output.shape == noisy.shape and output.isfinite().all(), (options, size)


@pytest.mark.parametrize("scales", [2, 3, 4, 5])
@pytest.mark.parametrize("downsampling", ["conv", "pool"])
def test_training_gives_the_valid_region(scales, downsampling):
    network = tiny(scales=scales, downsampling=downsampling).train()
    for height, width in ((7, 8), (20, 20), (21, 34), (48, 30)):
        assert network(image(height, width)).shape == (2, 3, height - 2 * MARGIN, width - 2 * MARGIN)


@pytest.mark.parametrize("scale", ["demo", "modern", "paper"])
def test_every_family_can_be_trained_on_the_patches_of_its_schedule(project, scale):
    config = load_config(scale)
    for key, family in config.params["families"].items():
        if family["network"]["name"] == "multiscale":
            _, schedule = schedule_for(config.params, config.settings["training"], family)
            network = denoisers.build({**family["network"], **schedule.network, "divisor": 16}).train()
            output = network(image(schedule.patch, schedule.patch))
            assert output.shape == (2, 3, schedule.patch - 6, schedule.patch - 6), key


def test_evaluation_agrees_with_the_valid_region_far_from_the_border():
    """The extension for the borders changes nothing inside."""
    network = tiny(scales=2)
    noisy = image(40, 40)
    reach = reach_of(network)
    with torch.inference_mode():
        inside = network._valid(noisy)[..., reach:-reach, reach:-reach]
        # The extension moves the grid of the coarse scale by 3 pixels; with one row and column less it is the same.
        whole = network(noisy[..., 1:, 1:])
    first, last = reach + MARGIN - 1, -reach - MARGIN
    assert torch.allclose(whole[..., first:last, first:last], inside, atol=1e-5)


def reach_of(network: MultiScale, side: int = 96) -> int:
    """How far from an input pixel the output can change, by the gradients of a block of pixels."""
    noisy = image(side, side).requires_grad_()
    middle = slice(side // 2, side // 2 + 2 ** len(network.encoders))
    network(noisy)[..., middle, middle].sum().backward()
    touched = noisy.grad.abs().amax(dim=(0, 1)).nonzero()
    return max(side // 2 - int(touched.min()), int(touched.max()) - middle.stop + 1)


def test_the_border_matters_near_the_border_only():
    mirrored, mean = (tiny(border=border) for border in ("reflect", "mean"))
    reach = reach_of(mirrored)
    assert 10 < reach < 40
    noisy = image(96, 96)
    with torch.inference_mode():
        difference = (mirrored(noisy) - mean(noisy)).abs().amax(dim=(0, 1))
    assert difference[reach:-reach, reach:-reach].max() < 1e-6
    assert all(edge.max() > 1e-4 for edge in (difference[0], difference[-1], difference[:, 0], difference[:, -1]))


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (3, 4), (9, 6)])
def test_an_image_smaller_than_the_border_is_reflected_several_times(size):
    noisy = image(*size)
    for margin in (3, 11):
        expected = np.pad(noisy.numpy(), ((0, 0), (0, 0), (margin, margin), (margin, margin)), mode="reflect")
        assert np.array_equal(multiscale._reflect(noisy, margin).numpy(), expected)


def test_the_skip_adds_the_input():
    noisy = image(13, 10)
    assert torch.allclose(silent(tiny(skip=True))(noisy), noisy, atol=1e-6)
    assert torch.allclose(silent(tiny(skip=True)).train()(image(20, 20)), image(20, 20)[..., 3:-3, 3:-3], atol=1e-6)


@pytest.mark.parametrize(("channels", "mean"), [(3, MEAN_RGB), (1, MEAN_RGB[1:2])])
def test_without_the_skip_only_the_mean_is_added(channels, mean):
    output = silent(tiny(skip=False, channels=channels))(image(13, 10, channels=channels))
    assert torch.allclose(output, torch.tensor(mean).view(1, -1, 1, 1).expand_as(output))


@pytest.mark.parametrize(
    ("scales", "fusion", "downsampling"), [(2, "concat", "conv"), (3, "sum", "pool"), (4, "concat", "conv")]
)
def test_every_parameter_learns(scales, fusion, downsampling):
    network = tiny(scales=scales, fusion=fusion, downsampling=downsampling, divisor=8).double().train()
    side = 4 + 3 * 2 ** (scales - 1)
    noisy, clean = image(side, side).double(), image(side, side, seed=1).double()
    (network(noisy) - clean[..., 3:-3, 3:-3]).square().sum().backward()
    largest = {name: float(parameter.grad.abs().max()) for name, parameter in network.named_parameters()}
    for name, module in network.named_modules():
        if isinstance(module, nn.Sequential) and len(module) > 1:
            for before, after in itertools.pairwise(module.named_children()):
                if isinstance(after[1], nn.BatchNorm2d) and before[1].bias is not None:
                    assert largest.pop(f"{name}.{before[0]}.bias") < 1e-9  # normalisation takes such a bias out again
    assert len(largest) > 20
    assert all(value > 1e-4 for value in largest.values()), min(largest.items(), key=lambda item: item[1])


def test_xavier_initialisation_is_that_of_the_released_network():
    torch.manual_seed(0)
    network = MultiScale(divisor=2, init="xavier")
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
    for module in convolutions:
        bound = (3 / module.weight[0].numel()) ** 0.5
        assert 0.95 * bound < module.weight.abs().max() <= bound
        assert module.weight.detach().std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
        if module.bias is not None:
            assert torch.all(module.bias == (0.2 if module is network.stem else 0.0))
    assert len(convolutions) == 1 + 3 * 4 + 2 + 1
    assert not torch.all(MultiScale(divisor=2).stem.bias == 0.2)


def test_the_range_can_be_moved_into_the_weights():
    """A network that works in [0, 255] is one in [0, 1] with a weaker stem and a stronger last convolution."""
    network, scaled = tiny(input_scale=1), tiny(input_scale=255)
    scaled.load_state_dict(network.state_dict())
    noisy = image(21, 18)
    with torch.no_grad():
        assert not torch.allclose(scaled(noisy), network(noisy), atol=1e-3)
        scaled.stem.weight.div_(255)
        scaled.last.weight.mul_(255)
        scaled.last.bias.mul_(255)
        assert torch.allclose(scaled(noisy), network(noisy), atol=1e-5)
        assert torch.allclose(scaled.train()(image(20, 20)), network.train()(image(20, 20)), atol=1e-5)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"scales": 1}, "option scales is out of range; allowed: 2 or more"),
        ({"fusion": "add"}, "option fusion .* concat or sum"),
        ({"downsampling": "max"}, "option downsampling .* conv or pool"),
        ({"border": "zero"}, "option border .* reflect or mean"),
        ({"init": "kaiming"}, "option init .* default or xavier"),
    ],
)
def test_wrong_options_are_named(option, expected):
    with pytest.raises(UserError, match=expected):
        denoisers.build({"name": "multiscale", **option})
