"""What the mode `fast` does on a GPU, on a processor: compiled networks, biases that are left alone."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch._dynamo

from redenoise.training.step import Learner, Step, compiled
from tests.training_project import learner, network, patches, schedule


def after_20_steps(mode: str, compiling: bool = False) -> Learner:
    entry = schedule(steps=20, optimizer="sgd", learning_rate=0.1)
    one, source = learner(entry, mode=mode), patches(entry)
    if compiling:
        one.forward = compiled(one.network)
    step = Step([one], source, 0)
    for number in range(20):
        step(number)
    return one


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler: nothing is compiled on a processor")
def test_a_compiled_step_agrees_with_an_eager_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    """Over 20 steps the mean loss to a part in 1,000, and every weight to 1e-4."""
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    eager, fused = after_20_steps("reference"), after_20_steps("reference", compiling=True)
    assert "not compiled" not in capfd.readouterr().err
    assert float(fused.loss_sum) == pytest.approx(float(eager.loss_sum), rel=1e-3)
    for name, tensor in eager.network.state_dict().items():
        assert torch.allclose(fused.network.state_dict()[name].float(), tensor.float(), atol=1e-4), name


def test_a_network_that_cannot_be_compiled_trains_as_it_is(capsys: pytest.CaptureFixture[str]):
    def fails(network: torch.nn.Module, **_: object) -> Callable:
        def call(*_: torch.Tensor) -> torch.Tensor:
            raise torch._dynamo.exc.TorchDynamoException("no Triton\nmore")

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", fails)
        found = after_20_steps("reference", compiling=True)
    assert capsys.readouterr().err == "MultiScale: not compiled: no Triton\n"
    assert float(found.loss_sum) == float(after_20_steps("reference").loss_sum)


def test_biases_in_front_of_a_normalisation_are_trained_in_the_reference_alone():
    idle = network().idle_biases()
    assert idle and all(bias.ndim == 1 for bias in idle)
    for mode, learns in (("reference", True), ("fast", False)):
        trained = after_20_steps(mode).network
        assert all(bias.requires_grad == learns for bias in trained.idle_biases())
        assert all(bias.requires_grad for bias in (trained.stem.bias, trained.last.bias, trained.up[0].bias))
        same = all(torch.equal(*pair) for pair in zip(idle, trained.idle_biases(), strict=True))
        assert same or learns


def test_a_bias_in_front_of_a_normalisation_has_no_effect():
    one, two = network().train(), network().train()
    for bias in two.idle_biases():
        bias.data += 1.0
    image = torch.rand(2, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(one(image), two(image), atol=1e-5)
