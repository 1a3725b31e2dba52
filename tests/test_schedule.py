"""Schedules: rates, averages and factors of the loss against values worked out by hand, and what replaces what."""

import math
from dataclasses import asdict

import pytest

from redenoise.dag.config import load_config
from redenoise.support.errors import UserError
from redenoise.training.schedule import Schedule, schedule_for

PARAMS = {
    "schedules": {
        "plain": {"steps": 10, "batch": 2, "patch": 16, "optimizer": "sgd", "learning_rate": 0.1, "curve": "cosine"},
        "other": {"steps": 99, "batch": 3, "patch": 20, "optimizer": "adam", "learning_rate": 0.2, "curve": "step"},
    }
}


def schedule(**changes) -> Schedule:
    return Schedule(**{**PARAMS["schedules"]["plain"], **changes})


def rates(entry: Schedule, *steps: int) -> list[float]:
    return [entry.rate(step) for step in steps]


def test_step_curve_falls_after_every_so_many_steps():
    entry = schedule(curve="step", steps=1_500_000, learning_rate=1e-4, every=500_000, factor=0.1)
    found = rates(entry, 0, 499_999, 500_000, 999_999, 1_000_000, 1_499_999)
    assert found == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5, 1e-6, 1e-6], rel=1e-12)


def test_step_curve_without_a_factor_is_constant():
    assert set(rates(schedule(curve="step"), 0, 1, 9)) == {0.1}


def test_exponential_curve_goes_from_the_first_rate_to_the_final_one():
    entry = schedule(curve="exponential", steps=5, learning_rate=1e-1, final=1e-5)
    assert rates(entry, 0, 1, 2, 3, 4) == pytest.approx([1e-1, 1e-2, 1e-3, 1e-4, 1e-5], rel=1e-12)
    assert schedule(curve="exponential", steps=1, final=1e-5).rate(0) == pytest.approx(0.1)


def test_cosine_curve_rises_and_falls():
    entry = schedule(steps=104, learning_rate=2.0, warm_up=4 / 104)
    assert rates(entry, 0, 1, 2, 3) == pytest.approx([0.5, 1.0, 1.5, 2.0])
    half, third = math.sqrt(0.5), 0.5
    assert rates(entry, 4, 29, 54, 79) == pytest.approx([2.0, 1.0 + half, 1.0, 1.0 - half])
    assert schedule(steps=34, learning_rate=2.0, warm_up=4 / 34).rate(14) == pytest.approx(1.0 + third)
    assert 0 < entry.rate(103) < 1e-3 * 2.0


@pytest.mark.parametrize("warm_up", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_cosine_curve_stays_between_0_and_the_rate(steps, warm_up):
    found = rates(schedule(steps=steps, warm_up=warm_up), *range(steps))
    assert all(0 < rate <= 0.1 for rate in found) and max(found) == pytest.approx(0.1)


def test_average_forgets_the_first_weights_soon():
    entry = schedule(average=0.999)
    found = [entry.average_decay(step) for step in (0, 8, 90, 8989, 8990, 10**6)]
    assert found == pytest.approx([0.1, 0.5, 0.91, 8990 / 8999, 0.999, 0.999])
    assert schedule().average_decay(100) == 0.0


def test_losses_differ_by_a_factor():
    values = 3 * 42 * 42
    assert schedule().loss_factor(values) == 1.0
    assert schedule(loss="half_mse_255").loss_factor(values) == 32512.5
    assert schedule(loss="half_sse").loss_factor(values) == 2646.0


def test_a_scale_replaces_single_keys_of_the_schedule_of_the_family():
    name, found = schedule_for(PARAMS, {"mode": "fast", "steps": 4, "learning_rate": 0.3}, {"schedule": "plain"})
    assert name == "plain"
    assert found == schedule(steps=4, learning_rate=0.3)


def test_a_scale_replaces_the_whole_schedule():
    name, found = schedule_for(PARAMS, {"mode": "fast", "schedule": "other", "batch": 5}, {"schedule": "plain"})
    assert name == "other"
    assert asdict(found) == asdict(Schedule(**{**PARAMS["schedules"]["other"], "batch": 5}))


def test_unknown_schedule_is_refused():
    with pytest.raises(UserError, match="schedules has no entry 'plane'; allowed: plain, other; did you mean 'plain'"):
        schedule_for(PARAMS, {"mode": "fast", "schedule": "plane"}, {"schedule": "other"})


def test_committed_schedules_say_what_the_papers_say(project):
    config = load_config("paper")
    families, training = config.params["families"], config.settings["training"]
    _, proposed = schedule_for(config.params, training, families["proposed"])
    assert (proposed.steps, proposed.batch, proposed.patch, proposed.optimizer) == (1_500_000, 32, 48, "sgd")
    assert proposed.rate(0) == pytest.approx(1e-4) and proposed.rate(proposed.steps - 1) == pytest.approx(1e-6)
    assert proposed.network == {"init": "xavier", "input_scale": 255}
    _, dncnn = schedule_for(config.params, training, families["dncnn_s"])
    assert (dncnn.steps, dncnn.batch, dncnn.patch) == (50 * 1600, 128, 40)
    assert dncnn.rate(0) == pytest.approx(1e-1) and dncnn.rate(dncnn.steps - 1) == pytest.approx(1e-4)


@pytest.mark.parametrize("scale", ["demo", "modern", "paper"])
def test_every_family_has_a_schedule_that_validates_when_it_logs(project, scale):
    """Validation happens at a line of the log: with intervals that do not fit it would hardly ever happen."""
    config = load_config(scale)
    for family in config.params["families"].values():
        _, found = schedule_for(config.params, config.settings["training"], family)
        assert found.validate_every % found.log_every == 0
        assert found.rate(0) > 0 and found.rate(found.steps - 1) > 0
