"""Training: the draw of patches, one update, several networks side by side, the log, the fast mode."""

import copy
import math

import numpy as np
import pytest
import torch

from redenoise import instructions
from redenoise.models.denoisers.dncnn import DnCNN
from redenoise.support.errors import UserError
from redenoise.training.patches import Patches, noisy_of
from redenoise.training.step import Learner, Step, centre, float_state, make_optimizer
from redenoise.training.validation import Validation
from tests.training_project import CPU, learner, network, outcome, patches, pictures, run_of, schedule


def symmetries(image: np.ndarray) -> list[np.ndarray]:
    return [np.rot90(flipped, turns) for flipped in (image, image[:, ::-1]) for turns in range(4)]


def drawn(source: Patches, seed: int, step: int) -> tuple[torch.Tensor, ...]:
    source.seed(seed, step)
    return source.draw()


def test_patches_are_crops_of_the_images_in_all_8_symmetries():
    """Of one image of a size of its own a patch can be found again: every pixel value occurs once."""
    images = [
        np.arange(value, value + 80, dtype=np.uint8).reshape(shape) for value, shape in ((0, (8, 10)), (100, (10, 8)))
    ]
    source = Patches(images, 3, 400, CPU, "test")
    clean, _, _ = drawn(source, 0, 0)
    known = {}
    for number, image in enumerate(images):
        for top, left in np.ndindex(image.shape[0] - 2, image.shape[1] - 2):
            crop = image[top : top + 3, left : left + 3]
            known |= {turned.tobytes(): (number, top, left, kind) for kind, turned in enumerate(symmetries(crop))}
    assert clean.shape == (400, 1, 3, 3)
    found = [known[(patch * 255).round().to(torch.uint8).numpy().tobytes()] for patch in clean[:, 0].contiguous()]
    assert {number for number, *_ in found} == {0, 1}
    assert {kind for *_, kind in found} == set(range(8))
    for number, image in enumerate(images):
        corners = [(top, left) for which, top, left, _ in found if which == number]
        assert {top for top, _ in corners} == set(range(image.shape[0] - 2))
        assert {left for _, left in corners} == set(range(image.shape[1] - 2))


def test_colours_stay_together():
    image = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    clean, noise, _ = drawn(Patches([image], 6, 16, CPU, "test"), 0, 0)
    turned = {np.ascontiguousarray(each).tobytes() for each in symmetries(image)}
    assert all(
        (patch * 255).round().byte().permute(1, 2, 0).contiguous().numpy().tobytes() in turned for patch in clean
    )
    assert noise.shape == clean.shape == (16, 3, 6, 6)
    assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1


def test_a_draw_depends_on_seed_and_step_alone():
    source = patches(schedule())
    first = drawn(source, 0, 7)
    source.draw()
    assert all(torch.equal(a, b) for a, b in zip(first, drawn(source, 0, 7), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, drawn(patches(schedule()), 0, 7), strict=True))
    for seed, step in ((0, 8), (1, 7), (7, 0)):
        assert not any(torch.equal(a, b) for a, b in zip(first, drawn(source, seed, step), strict=True))


def test_networks_of_other_levels_see_the_same_field_scaled():
    clean, noise, level = drawn(patches(schedule()), 0, 0)
    for sigma in (15, 25, 50):
        noisy, told = noisy_of(clean, noise, level, (sigma, sigma))
        assert torch.equal(told, torch.full_like(told, sigma / 255))
        assert torch.allclose((noisy - clean) * 255 / sigma, noise, atol=1e-4)


def test_levels_fill_their_range():
    clean, noise, level = drawn(patches(schedule(batch=500)), 0, 0)
    noisy, sigma = noisy_of(clean, noise, level, (10, 55))
    assert 10 <= 255 * sigma.min() < 11 and 54 < 255 * sigma.max() <= 55
    assert abs(255 * sigma.mean() - 32.5) < 2
    assert torch.allclose(noisy, clean + noise * sigma.view(-1, 1, 1, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([], "no training images; run the download stage"),
        ([np.zeros((20, 20)), np.zeros((12, 40))], "patches of 16 pixels, .* a side of 12; lower patch"),
    ],
)
def test_unfit_images_are_refused(images, expected):
    with pytest.raises(UserError, match=f"proposed: {expected}"):
        Patches(images, 16, 2, CPU, "proposed")


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("fused", [False, True])
def test_rates_and_decay_reach_the_parameters_they_are_for(optimizer, fused):
    entry = schedule(optimizer=optimizer, bias_rate=2.0, last_rate=0.1, weight_decay=5e-4)
    one = learner(entry, mode="fast" if fused else "reference")
    one.set_step(3)
    found = {}
    for group in one.optimizer.param_groups:
        for parameter in group["params"]:
            found[id(parameter)] = float(group["lr"]) / entry.rate(3), group["weight_decay"]
    assert len(found) == len(list(one.network.parameters()))
    for name, parameter in one.network.named_parameters():
        factor = (0.1 if name.startswith("last.") else 1.0) * (2.0 if name.endswith("bias") else 1.0)
        decay = 5e-4 if parameter.ndim > 1 else 0.0
        assert found[id(parameter)] == (pytest.approx(factor), decay), name


def test_the_last_layer_of_every_network_is_its_last_convolution():
    one = DnCNN(1, 3, 4)
    optimizer, factors = make_optimizer(one, schedule(last_rate=0.1), False, CPU)
    slow = [group["params"] for group, factor in zip(optimizer.param_groups, factors, strict=True) if factor == 0.1]
    assert {id(each) for group in slow for each in group} == {id(each) for each in one.layers[-1].parameters()}


def gradient_after(batch: tuple, **changes) -> torch.Tensor:
    """All gradients of one update, in a row."""
    one = learner(schedule(optimizer="sgd", **changes))
    one.set_step(0)
    one.update(*batch)
    return torch.cat([parameter.grad.flatten() for parameter in one.network.parameters()])


def test_the_clip_bounds_the_gradient_and_keeps_its_direction():
    batch = drawn(patches(schedule()), 0, 0)
    free, clipped = gradient_after(batch), gradient_after(batch, clip=1e-3)
    assert free.norm() > 1e-2
    assert clipped.norm() == pytest.approx(1e-3, rel=1e-3)
    assert torch.allclose(clipped / clipped.norm(), free / free.norm(), atol=1e-5)
    assert torch.equal(gradient_after(batch, clip=1e3), free)


def test_the_loss_factor_scales_the_gradient():
    batch = drawn(patches(schedule()), 0, 0)
    plain = gradient_after(batch)
    for loss, factor in (("half_mse_255", 0.5 * 255**2), ("half_sse", 0.5 * 10 * 10)):
        assert (gradient_after(batch, loss=loss) / factor - plain).norm() < 1e-4 * plain.norm()


def test_sgd_with_momentum_and_decay_against_hand_values():
    entry = schedule(optimizer="sgd", curve="step", learning_rate=0.5, momentum=0.9, weight_decay=0.1, average=0.0)
    one, source = learner(entry), patches(entry)
    weight, momentum = one.network.last.weight.detach().clone(), 0.0
    for step in range(3):
        one.set_step(step)
        one.update(*drawn(source, 0, step))
        momentum = 0.9 * momentum + one.network.last.weight.grad + 0.1 * weight
        weight = weight - 0.5 * momentum
        assert torch.allclose(one.network.last.weight, weight, atol=1e-6)
    assert one.result is one.network


def test_the_moving_average_against_hand_values():
    entry = schedule(average=0.3)
    one, source = learner(entry), patches(entry)
    expected = [tensor.clone() for tensor in float_state(one.network)]
    for step, decay in enumerate((1 / 10, 2 / 11, 3 / 12, 0.3, 0.3)):
        one.set_step(step)
        one.update(*drawn(source, 0, step))
        expected = [
            decay * old + (1 - decay) * new for old, new in zip(expected, float_state(one.network), strict=True)
        ]
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(expected, float_state(one.result), strict=True))
    assert not one.result.training and one.network.training
    assert not torch.equal(one.result.last.weight, one.network.last.weight)
    statistics = one.result.decoders[0][1].running_mean
    assert statistics.abs().max() > 0


def test_the_output_is_compared_with_the_centre():
    clean = torch.arange(2.0 * 8 * 9).view(2, 1, 8, 9)
    assert torch.equal(centre(clean, torch.zeros(2, 1, 2, 3)), clean[..., 3:5, 3:6])
    assert torch.equal(centre(clean, clean), clean)


def test_loss_is_summed_in_the_range_0_to_1_whatever_its_factor():
    batch = drawn(patches(schedule()), 0, 0)
    one = learner(schedule(loss="half_mse_255"))
    before = copy.deepcopy(one.network)
    noisy, _ = noisy_of(*batch, (25, 25))
    expected = (before(noisy) - batch[0][..., 3:-3, 3:-3]).square().mean().detach()
    one.set_step(0)
    one.update(*batch)
    assert float(one.loss_sum[0]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_networks_trained_together_end_as_each_would_alone(tmp_path, optimizer):
    entry = schedule(optimizer=optimizer, clip=0.5)
    together = run_of(tmp_path / "both", ("sigma25", "sigma50"), entry)
    together.finish()
    for name in ("sigma25", "sigma50"):
        alone = run_of(tmp_path / "alone", (name,), entry)
        alone.finish()
        assert outcome(alone)[name] == outcome(together)[name]
    first, second = outcome(together).values()
    assert first != second


def test_the_curve_has_a_point_at_every_line_of_the_log_and_at_the_end(tmp_path):
    entry = schedule()
    run = run_of(tmp_path, ("sigma25",), entry)
    losses, inner = [], Step.__call__

    def watched(self: Step, step: int) -> None:
        before = float(self.learners[0].loss_sum[0])
        inner(self, step)
        losses.append(float(self.learners[0].loss_sum[0]) - before)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Step, "__call__", watched)
        run.finish()
    curve = run.members[0].history["curve"]
    assert [(step, rate) for step, rate, *_ in curve] == [(step, entry.rate(step - 1)) for step in (3, 6, 8)]
    for (_, _, training, _), window in zip(curve, (losses[:3], losses[3:6], losses[6:]), strict=True):
        assert training == pytest.approx(-10 * math.log10(np.mean(window)), abs=1e-3)
    assert [validated is not None for *_, validated in curve] == [False, True, True]


def test_validation_measures_the_network_that_is_stored():
    validation = Validation([np.full((300, 280), 100, np.uint8), np.full((20, 30), 100, np.uint8)], 0, CPU)
    assert [tuple(crop.shape) for crop in validation.crops] == [(1, 256, 256), (1, 20, 30)]

    class Same(torch.nn.Module):
        def forward(self, noisy, sigma):
            return noisy

    for sigma in (25, 50):
        expected = 20 * math.log10(255 / sigma)
        assert validation.psnr(Same(), sigma, torch.contiguous_format, False) == pytest.approx(expected, abs=0.3)


def validated_after(mode: str, steps: int) -> float:
    entry = schedule(steps=steps, batch=4, patch=20, learning_rate=1e-2)
    one = Learner(network(), (25, 25), entry, mode, CPU)
    step = Step([one], patches(entry), 0)
    for now in range(steps):
        step(now)
    return Validation(pictures(), 0, CPU).psnr(one.result.eval(), 25, one.layout, one.halved)


def test_training_lowers_the_error_and_the_fast_mode_comes_as_far():
    reference, fast = validated_after("reference", 200), validated_after("fast", 200)
    assert reference > 20 * math.log10(255 / 25) + 2
    assert abs(fast - reference) < 1.0


@pytest.mark.parametrize(("instructed", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_fast_mode_computes_in_half_precision_if_that_is_fast_and_keeps_whole_weights(
    monkeypatch: pytest.MonkeyPatch, instructed: bool, expected: torch.dtype
):
    monkeypatch.setattr(instructions, "multiplies_bf16", lambda: instructed)
    one = learner(schedule(), mode="fast")
    found = []
    one.network.last.register_forward_hook(lambda module, inputs, output: found.append(output.dtype))
    one.set_step(0)
    one.update(*drawn(patches(schedule()), 0, 0))
    assert found == [expected]
    assert {tensor.dtype for tensor in float_state(one.network)} == {torch.float32}
    assert one.network.encoders[0][0].weight.is_contiguous(memory_format=torch.channels_last)
