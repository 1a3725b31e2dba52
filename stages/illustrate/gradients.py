"""Figure 3: what each of the three losses asks a denoiser to look at."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.data.labelled import read_labelled
from redenoise.joint.losses import Weights, joint_loss
from redenoise.measure.items import to_uint8
from redenoise.measure.noise import add_noise
from redenoise.models import recognizers
from redenoise.models.weights import load_network
from redenoise.recognition.images import prepared
from stages.illustrate.canvas import Figure, framed, grid, not_made, panel, shown
from stages.illustrate.methods import first_reason, learned, not_printed, tensor, title_of

SIGMA = 30
IMAGES = 2
SIDE = 224  # of a panel, in pixels
BRIGHTEST = 99.5  # percentile of a gradient map that is shown as white
TITLE = "Figure 3 of Liu et al. 2020{}: gradients of the three losses with respect to the noisy image"
# Each loss alone; what it is multiplied with does not show, since every panel is normalised.
LOSSES = {
    "reconstruction loss": Weights(reconstruction=1.0, range=1, perceptual=0.0, high_level=0.0),
    "perceptual loss": Weights(reconstruction=0.0, range=1, perceptual=1.0, high_level=0.0),
    "classification loss": Weights(reconstruction=0.0, range=1, perceptual=0.0, high_level=1.0),
}


def figure3(config: Config, part: str = "classification") -> Figure:
    """The first images of the classification test set: clean, noisy, and the gradient maps of the losses.

    Args:
        part: of `figures` in params.yaml: the paper's task, or that on photographs.

    Deviations: which examples, noise level and normalisation the paper has is not printed.
    """
    shows, marks = config.params["figures"][part], not_printed(part)
    title = TITLE.format(marks[0])
    data, real = paths.labelled(config.scale, shows["data"]), config.settings["real_data"]
    task, cascade = paths.task(config.scale, shows["task"]), paths.cascade(config.scale, shows["joint"])
    name = title_of(config.params["labelled"][shows["data"]]["title"], real)
    caption = (
        f"{marks[1]}The first images of {name} (val), with noise of sigma = {SIGMA}, and the gradients of the "
        "reconstruction, the perceptual and the classification loss alone with respect to the noisy image, through the "
        f"jointly trained denoiser (cascade {shows['joint']}) and the classifier: magnitudes summed over the channels; "
        f"black is zero, white the {BRIGHTEST:g}th percentile of each panel. The paper prints neither noise level nor "
        "scaling."
    )
    if reason := first_reason(data, task) or learned("", cascade, SIGMA).missing:
        return not_made(title, caption, reason)
    classifier, _ = load_network(task / "model.safetensors", build=recognizers.build)
    denoiser, _ = load_network(_weights(cascade))
    sizes = [config.entry("task", shows["task"]).get(key) if real else None for key in ("resize", "crop")]
    rows = []
    for example in read_labelled(data)[:IMAGES]:
        assert example.label is not None, "a set for classification has labels"
        clean = prepared(example, *sizes)
        keyed = {"seed": config.params["seed"], "dataset": data.name, "image": example.id, "sigma": SIGMA}
        noisy = add_noise(clean, **keyed)
        pair = (tensor(noisy), tensor(clean))
        maps = [as_gray(gradient(denoiser, classifier, each, *pair, example.label)) for each in LOSSES.values()]
        rows.append([panel(shown(image, SIDE)) for image in (clean, to_uint8(noisy), *maps)])
    return Figure(title, caption, framed(grid(rows, ["clean", f"noisy, sigma = {SIGMA}", *LOSSES])))


def gradient(
    denoiser: nn.Module,
    classifier: recognizers.TaskNetwork,
    weights: Weights,
    noisy: torch.Tensor,
    clean: torch.Tensor,
    label: int,
) -> np.ndarray:
    """The gradient of the joint loss with respect to the noisy image.

    Args:
        denoiser, classifier: in evaluation mode.
        weights: of the three losses.
        noisy, clean: (1, 3, H, W), [0, 1] scale.
        label: class of the image.

    Returns:
        float32 (H, W, 3).
    """
    start = noisy.clone().requires_grad_()
    output = denoiser(start, torch.tensor([SIGMA / 255.0]))
    loss, _ = joint_loss(classifier, weights, output, clean, torch.tensor([label]))
    (found,) = torch.autograd.grad(loss, start)
    return found[0].permute(1, 2, 0).numpy()


def as_gray(found: np.ndarray) -> np.ndarray:
    """A gradient, (H, W, 3), as uint8 (H, W): magnitudes summed over the channels, on the panel's own scale."""
    magnitude = np.abs(found.astype(np.float64)).sum(axis=2)
    white = np.percentile(magnitude, BRIGHTEST)
    return to_uint8(255.0 * magnitude / (white or 1.0))


def _weights(cascade: Path) -> Path:
    path = cascade / f"sigma{SIGMA}.safetensors"
    return path if path.exists() else cascade / "model.safetensors"
