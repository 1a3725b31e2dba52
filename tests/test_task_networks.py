"""VGG-16 and DeepLab-LargeFOV: counts, torchvision's weights, features, sizes, small variants."""

import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from redenoise.models import denoisers, recognizers
from redenoise.models.weights import load_network, save_network
from redenoise.sources.torchvision import checked, read_state
from redenoise.support.errors import UserError

SMALL_VGG = {
    "name": "vgg", "classes": 6, "blocks": [1, 1, 2], "width": 8, "head": 16, "pooled": 1,
    "batch_norm": True, "preprocessing": "plain",
}  # fmt: skip
SMALL_FOV = {
    "name": "deeplab", "classes": 4, "blocks": [1, 1, 2, 1, 2], "width": 4, "head": 8, "dilation": 2,
}  # fmt: skip
NORMALISE = torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def images(*size: int, number: int = 2) -> torch.Tensor:
    return torch.rand(number, 3, *size, generator=torch.Generator().manual_seed(0))


def small(spec: dict, **options) -> recognizers.TaskNetwork:
    torch.manual_seed(0)
    return recognizers.build({**spec, **options}).eval()


def on_meta(spec: dict) -> recognizers.TaskNetwork:
    """Shapes without memory."""
    with torch.device("meta"):
        return recognizers.build(spec)


def shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def test_parameter_counts():
    assert count(on_meta({"name": "vgg"})) == 138_357_544
    assert count(on_meta({"name": "deeplab"})) == 20_505_429
    assert count(on_meta({"name": "efficientnet"})) == 4_652_008


@pytest.mark.parametrize(("model", "batch_norm"), [("vgg16", False), ("vgg16_bn", True)])
def test_names_and_shapes_are_those_of_torchvision(model, batch_norm):
    with torch.device("meta"):
        expected = shapes(torchvision.models.get_model(model))
    assert shapes(on_meta({"name": "vgg", "batch_norm": batch_norm})) == expected


def loaded_vgg(state: dict) -> recognizers.TaskNetwork:
    network = on_meta({"name": "vgg"})
    network.load_state_dict(state, assign=True)  # without drawing 138 million numbers first
    for name, buffer in small({**SMALL_VGG, "preprocessing": "torchvision"}).features.named_buffers(recurse=False):
        setattr(network.features, name, buffer)
    return network.eval()


@pytest.mark.parametrize("side", [224, 64])
def test_weights_of_torchvision_give_its_output(side):
    torch.manual_seed(0)
    theirs = torchvision.models.vgg16().eval()
    ours = loaded_vgg(theirs.state_dict())
    batch = images(side, side, number=1)
    with torch.inference_mode():
        features, scores = ours.run(batch)
        assert torch.allclose(scores, theirs(NORMALISE(batch)), atol=1e-5)
        assert torch.allclose(features, theirs.features[:16](NORMALISE(batch)), atol=1e-5)  # relu3_3
        assert scores.std() > 1e-2


def test_published_weights_of_torchvision_load():
    path = Path(os.environ.get("REDENOISE_MIRROR") or "data") / "torchvision/vgg16-397923af.pth"
    if not path.is_file():
        pytest.skip(f"no {path}: set REDENOISE_MIRROR to a mirror that has it to run this test")
    state = read_state(checked(path))
    theirs = torchvision.models.vgg16()
    theirs.load_state_dict(state)
    with torch.inference_mode():
        batch = images(64, 64)
        assert torch.allclose(loaded_vgg(state)(batch), theirs.eval()(NORMALISE(batch)), atol=1e-4)


@pytest.mark.parametrize("spec", [SMALL_VGG, SMALL_FOV])
def test_features_are_the_last_relu_of_the_third_block(spec):
    network = small(spec)
    batch = images(48, 40)
    kept = []
    relu = [layer for layer in network.features if isinstance(layer, nn.ReLU)][sum(spec["blocks"][:3]) - 1]
    relu.register_forward_hook(lambda module, inputs, output: kept.append(output))
    with torch.inference_mode():
        features, scores = network.run(batch)
        assert torch.equal(features, kept[0]) and torch.equal(network.features(batch), features)
    assert features.shape == (2, 4 * spec["width"], 12, 10) and features.min() == 0 and features.max() > 0
    assert len(kept) == 2


def test_features_do_not_compute_what_lies_behind():
    network = small(SMALL_VGG, features_after=1)
    for layer in [*network.features][4:] + [network.classifier]:
        layer.register_forward_hook(lambda *_: pytest.fail("computed"))
    assert network.features(images(48, 48)).shape == (2, 8, 48, 48)


@pytest.mark.parametrize("spec", [SMALL_VGG, SMALL_FOV])
def test_the_gradient_reaches_the_images(spec):
    network = small(spec).requires_grad_(False)
    for part in (0, 1):
        batch = images(32, 32).requires_grad_()
        network.run(batch)[part].pow(2).mean().backward()
        assert batch.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("preprocessing", "expected"),
    [
        ("torchvision", NORMALISE),
        ("caffe", lambda batch: 255 * batch.flip(1) - torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)),
        ("plain", lambda batch: (batch - 0.5) * 4),
    ],
)
@pytest.mark.parametrize("spec", [SMALL_VGG, SMALL_FOV])
def test_preprocessing_is_part_of_the_network(spec, preprocessing, expected):
    network = small(spec, preprocessing=preprocessing)
    seen = []
    network.features[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network.run(images(16, 16))
    assert torch.allclose(seen[0], expected(images(16, 16)), atol=1e-4)


@pytest.mark.parametrize("spec", [SMALL_VGG, {**SMALL_FOV, "batch_norm": True, "preprocessing": "plain"}])
def test_a_small_network_learns_a_few_images(spec):
    torch.manual_seed(0)
    network = recognizers.build({**spec, "dropout": 0.0}).train()
    batch, labels = images(48, 48, number=4), torch.arange(4) % spec["classes"]
    if network.kind == "segmentation":
        labels = labels.view(-1, 1, 1).expand(-1, 6, 6)
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        F.cross_entropy(network.run(batch)[1], labels).backward()
        optimiser.step()
    assert (network.run(batch)[1].argmax(1) == labels).float().mean() > 0.95


@pytest.mark.parametrize("blocks", [[1, 1, 1], [1, 1, 1, 1], [1, 1, 2, 1, 2]])
def test_scores_of_any_size_fit_the_labels_at_every_eighth_pixel(blocks):
    network = small(SMALL_FOV, blocks=blocks)
    for height, width in [(1, 1), (2, 9), (8, 17), (31, 33), (40, 47)]:
        batch = images(height, width)
        labels = torch.zeros(2, height, width)[..., :: network.stride, :: network.stride]
        with torch.inference_mode():
            scores, whole = network.run(batch)[1], network(batch)
        assert scores.shape == (2, 4, *labels.shape[-2:])
        assert whole.shape == (2, 4, height, width)
        assert torch.allclose(whole[..., ::8, ::8], scores, atol=1e-5)


def test_between_two_scores_the_output_is_their_mean():
    network = small(SMALL_FOV)
    with torch.inference_mode():
        scores, whole = network.run(images(20, 30))[1], network(images(20, 30))
    assert torch.allclose(whole[..., 4, 8], (scores[..., 0, 1] + scores[..., 1, 1]) / 2, atol=1e-5)
    assert torch.allclose(whole[..., 16:, 24:], scores[..., 2:, 3:].expand(-1, -1, 4, 6), atol=1e-5)


def test_large_fov_is_the_released_definition():
    """Written from the definition of the layers, with Caffe's rounding of sizes, for a side of 8k + 1 pixels."""
    network = small(SMALL_FOV, blocks=[2, 2, 3, 3, 3], dilation=12)
    convolutions = iter(layer for layer in network.features if isinstance(layer, nn.Conv2d))
    maps = images(41, 49).flip(1) * 255 - torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
    with torch.inference_mode():
        for block, number in enumerate((2, 2, 3, 3, 3), 1):
            for _ in range(number):
                layer, dilation = next(convolutions), 2 if block == 5 else 1
                maps = F.conv2d(maps, layer.weight, layer.bias, padding=dilation, dilation=dilation).relu()
            maps = F.max_pool2d(maps, 3, 2 if block <= 3 else 1, 1, ceil_mode=True)
        maps = F.avg_pool2d(maps, 3, 1, 1, count_include_pad=True)
        maps = F.conv2d(maps, network.fc6.weight, network.fc6.bias, padding=12, dilation=12).relu()
        scores = network.fc8(network.fc7(maps).relu())
        assert torch.allclose(network.run(images(41, 49))[1], scores, atol=1e-4)
        whole = F.interpolate(scores, (41, 49), mode="bilinear", align_corners=True)
        assert torch.allclose(network(images(41, 49)), whole, atol=1e-4)


def test_the_trunk_of_vgg_loads_into_large_fov():
    vgg, segmenter = shapes(on_meta({"name": "vgg"})), shapes(on_meta({"name": "deeplab"}))
    trunk = {name: shape for name, shape in segmenter.items() if name.startswith("features.")}
    assert trunk and trunk.items() <= vgg.items()


@pytest.mark.parametrize("spec", [SMALL_VGG, SMALL_FOV])
def test_weights_survive_a_round_trip(tmp_path, spec):
    network = small(spec)
    save_network(tmp_path / "a.safetensors", network, spec, origin="test")
    loaded, found = load_network(tmp_path / "a.safetensors", build=recognizers.build)
    assert found == spec and recognizers.stored_spec(spec) == spec
    assert torch.equal(loaded(images(24, 24)), network(images(24, 24)))
    with pytest.raises(UserError, match="is not known"):
        load_network(tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="weights do not fit"):
        load_network(tmp_path / "a.safetensors", {"width": 2}, build=recognizers.build)
    assert load_network.__defaults__ == (None, denoisers.build)


def test_too_small_images_are_one_line():
    with pytest.raises(UserError, match="images of 7x30 pixels, the task network needs 8x8"):
        small(SMALL_VGG)(images(7, 30))


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"name": "vg"}, "'vg' is not known; allowed: .*plugin, vgg; did you mean 'vgg'.*under tasks in params"),
        ({"name": "importers"}, "'importers' is not known"),
        ({}, "None is not known"),
        ({"name": "vgg", "depth": 16}, "task network 'vgg': .*'depth'.*under tasks in params.yaml"),
        ({**SMALL_VGG, "blocks": []}, "option blocks .* a list of numbers of convolutions"),
        ({**SMALL_VGG, "blocks": 5}, "'vgg': .*'int'"),
        ({**SMALL_VGG, "preprocessing": "bgr"}, "option preprocessing .* torchvision, caffe, plain"),
        ({**SMALL_VGG, "features_after": 4}, "option features_after .* 1 to the number of blocks, 3"),
        ({**SMALL_VGG, "pooled": 0}, "option pooled .* 1 or more"),
        ({**SMALL_FOV, "strided": 6}, "'deeplab': option strided .* 0 to the number of blocks, 5"),
        ({**SMALL_FOV, "dilation": 0}, "option dilation .* 1 or more"),
    ],
)  # fmt: skip
def test_wrong_entries_are_one_line(spec, found):
    with pytest.raises(UserError, match=found):
        recognizers.build(spec)
