"""The joint loss against values worked out by hand, its gradients, and what it must leave alone."""

import copy

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from redenoise.joint.learner import JointLearner, TaskLearner, centre_labels
from redenoise.joint.losses import Weights, cross_entropy, joint_loss
from redenoise.models import recognizers
from redenoise.models.recognizers import TaskNetwork
from redenoise.training import step as training_step
from redenoise.training.step import learner_tensors
from tests.training_project import CPU, network, schedule

ALL = Weights(reconstruction=1.0, range=1, perceptual=0.5, high_level=0.25)
RECONSTRUCTION = Weights(2.0, 255, 0.0, 0.0)
PERCEPTUAL = Weights(0.0, 1, 1.0, 0.0)
HIGH_LEVEL = Weights(0.0, 1, 0.0, 1.0)


class Doubling(TaskNetwork):
    """Features are twice the image; the two scores are the means of its first two channels."""

    kind, classes = "classification", 2

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return 2.0 * images

    def run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.features(images), images.mean(dim=(2, 3))[:, :2]


class Casts(TorchDispatchMode):
    """Counts how often parameters of a network are cast to bf16."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.places, self.count = {value.data_ptr() for value in network.parameters()}, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        cast = function is torch.ops.aten._to_copy.default and kwargs.get("dtype") == torch.bfloat16
        self.count += cast and args[0].data_ptr() in self.places
        return function(*args, **kwargs)


def classifier(**changes: object) -> TaskNetwork:
    torch.manual_seed(1)
    spec = {"name": "vgg", "classes": 4, "blocks": [1, 1, 1], "width": 4, "head": 8, "pooled": 1, "batch_norm": True}
    return recognizers.build({**spec, **changes})


def segmenter() -> TaskNetwork:
    torch.manual_seed(1)
    spec = {"name": "deeplab", "classes": 5, "blocks": [1, 1, 1], "width": 4, "head": 8, "dilation": 2}
    return recognizers.build({**spec, "batch_norm": True})


def batch(pixels: bool = False) -> tuple[torch.Tensor, ...]:
    """Clean colour patches, unit noise, levels and labels, as `LabelledPatches.draw` gives them."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(2, 3, 30, 30, generator=generator)
    noise = torch.randn(2, 3, 30, 30, generator=generator)
    labels = torch.tensor([1, 3])
    if pixels:
        labels = torch.arange(30 * 30).reshape(1, 30, 30).repeat(2, 1, 1) % 5
    return clean, noise, torch.zeros(2), labels


def joint(weights: Weights, task: TaskNetwork, mode: str = "reference") -> JointLearner:
    denoiser = network(channels=3)
    return JointLearner(denoiser, (25, 25), schedule(clip=0.0), mode, CPU, task=task, weights=weights)


def test_each_loss_has_the_value_worked_out_by_hand():
    clean = torch.zeros(1, 3, 2, 2)
    output = torch.full((1, 3, 2, 2), 0.1)
    output[:, 1] = 0.3
    error = (0.01 + 0.09 + 0.01) / 3  # mean of squares over pixels and channels
    entropy = torch.log(1 + torch.exp(torch.tensor(0.1 - 0.3))).item()  # of class 1 with scores 0.1 and 0.3
    labels = torch.tensor([1])
    loss, watched = joint_loss(Doubling(), ALL, output, clean, labels)
    assert watched.tolist() == pytest.approx([error, 4 * error, entropy], rel=1e-5)
    assert loss.item() == pytest.approx(error + 0.5 * 4 * error + 0.25 * entropy, rel=1e-5)
    assert joint_loss(Doubling(), RECONSTRUCTION, output, clean, labels)[0].item() == pytest.approx(2 * 255**2 * error)
    assert joint_loss(Doubling(), PERCEPTUAL, output, clean, labels)[0].item() == pytest.approx(4 * error, rel=1e-5)
    assert joint_loss(Doubling(), HIGH_LEVEL, output, clean, labels)[0].item() == pytest.approx(entropy, rel=1e-5)


def test_cross_entropy_of_pixels_leaves_out_255_and_takes_every_stride_th_one():
    labels = torch.full((1, 5, 5), 255)
    labels[0, ::2, ::2] = 0  # what a stride of 2 takes
    labels[0, 0, 0] = 1
    labels[0, 4, 4] = 255
    scores = torch.zeros(1, 3, 3, 3)
    scores[0, 1, 0, 0] = 5.0
    log3, right = torch.log(torch.tensor(3.0)), torch.log(torch.exp(torch.tensor(5.0)) + 2) - 5.0
    assert cross_entropy(scores, labels, 2).item() == pytest.approx((7 * log3 + right).item() / 8, rel=1e-5)
    assert cross_entropy(scores, torch.full((1, 5, 5), 255), 2).item() == 0.0


@pytest.mark.parametrize("pixels", [False, True])
def test_smoothing_spreads_a_share_of_the_label_over_all_classes(pixels: bool):
    scores, label = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([1])
    entropies = torch.logsumexp(scores, dim=1) - scores[0]
    expected = 0.7 * entropies[1] + 0.3 * entropies.mean()
    if pixels:  # the second pixel has no class
        scores, label = scores[..., None, None].expand(1, 3, 1, 2), torch.tensor([[[1, 255]]])
    assert cross_entropy(scores, label, 1, 0.3).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("weights", [RECONSTRUCTION, PERCEPTUAL, HIGH_LEVEL])
@pytest.mark.parametrize("pixels", [False, True])
def test_the_gradient_of_each_loss_alone_reaches_every_layer_of_the_denoiser(weights: Weights, pixels: bool):
    learner = joint(weights, segmenter() if pixels else classifier())
    loss, _ = learner.losses(*batch(pixels))
    loss.backward()
    for name, parameter in learner.network.named_parameters():
        if parameter.ndim > 1:
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("mode", ["reference", "fast"])
def test_the_task_network_stays_bit_identical(pixels: bool, mode: str):
    task = (segmenter if pixels else classifier)()
    task.train()  # the learner must not rely on how it is handed over
    before = {name: value.clone() for name, value in task.state_dict().items()}
    learner = joint(ALL, task, mode)
    first = [value.clone() for value in learner.network.parameters()]
    for step in range(3):
        learner.set_step(step)
        learner.update(*batch(pixels))
    assert any("running_mean" in name for name in before)
    assert mode == "fast" or all(value.dtype != torch.bfloat16 for value in task.state_dict().values())
    assert all(torch.equal(value, before[name].to(value.dtype)) for name, value in task.state_dict().items())
    assert not all(torch.equal(a, b) for a, b in zip(first, learner.network.parameters(), strict=True))
    assert not any("task" in name for name in learner_tensors(learner))


@pytest.mark.parametrize("name", ["vgg", "deeplab", "deeplab_lite"])
def test_weights_of_the_task_network_are_cast_once(name: str, monkeypatch: pytest.MonkeyPatch):
    """Where its layers compute in bf16; the trunk of deeplab_lite does not on a processor. The losses are the same."""
    monkeypatch.setattr(training_step, "precision", lambda mode, device: "bf16")
    lite = recognizers.build({"name": "deeplab_lite", "classes": 5, "multiplier": 0.125, "head": 8, "dilation": 2})
    task = {"vgg": classifier, "deeplab": segmenter, "deeplab_lite": lambda: lite}[name]()
    uncast = copy.deepcopy(task)
    learner = joint(ALL, task, "fast")
    given = batch(pixels=name != "vgg")
    with Casts(task) as first:
        learner.losses(*given)
    cast = sum(value.dtype == torch.bfloat16 for value in task.parameters())
    assert first.count == cast > 0
    with Casts(task) as later:
        found = learner.losses(*given)
    learner.task = uncast.eval().requires_grad_(False).to(memory_format=learner.layout)
    with Casts(uncast) as without:
        expected = learner.losses(*given)
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))
    assert later.count == 0 and without.count >= cast


def test_a_loss_of_weight_0_is_not_computed():
    class Refusing(Doubling):
        def run(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            raise AssertionError("the scores are not needed")

    clean = torch.zeros(1, 3, 2, 2)
    loss, watched = joint_loss(Refusing(), PERCEPTUAL, clean + 0.5, clean, torch.tensor([0]))
    assert loss.item() == pytest.approx(1.0) and watched.tolist() == pytest.approx([0.25, 1.0, 0.0])
    assert joint_loss(Refusing(), RECONSTRUCTION, clean, clean, torch.tensor([0]))[0].item() == 0.0


def test_features_of_the_clean_images_are_made_without_a_graph():
    class Watching(Doubling):
        graphs: list[bool] = []

        def features(self, images: torch.Tensor) -> torch.Tensor:
            self.graphs.append(torch.is_grad_enabled() and images.requires_grad)
            return 2.0 * images

    output = torch.zeros(1, 3, 2, 2, requires_grad=True)
    joint_loss(Watching(), ALL, output, torch.zeros(1, 3, 2, 2), torch.tensor([0]))
    assert Watching.graphs == [True, False]


def test_labels_of_pixels_are_cut_like_the_clean_patch():
    labels = torch.arange(100).reshape(1, 10, 10)
    assert torch.equal(centre_labels(labels, torch.zeros(1, 3, 4, 4)), labels[:, 3:7, 3:7])
    assert torch.equal(centre_labels(torch.tensor([3]), torch.zeros(1, 3, 4, 4)), torch.tensor([3]))


def test_a_task_network_learns_from_its_cross_entropy():
    learner = TaskLearner(classifier(dropout=0.0), (0.0, 0.0), schedule(learning_rate=0.02, steps=40), "reference", CPU)
    losses = []
    for step in range(40):
        learner.set_step(step)
        learner.loss_sum.zero_()
        learner.update(*batch())
        losses.append(learner.loss_sum.item())
    assert losses[-1] < 0.5 * losses[0]
    assert learner.report([1.5]) == "cross-entropy 1.5000" and learner.measured([1.5]) == 1.5


def test_the_log_names_the_losses_that_count():
    full, plain = joint(ALL, Doubling()), joint(RECONSTRUCTION, Doubling())
    assert full.report([0.01, 2.0, 0.5]) == "training PSNR 20.00 dB, perceptual loss 2.0000, cross-entropy 0.5000"
    assert plain.report([0.01, 0.0, 0.0]) == "training PSNR 20.00 dB"
    assert isinstance(full.task, nn.Module) and not full.task.training
