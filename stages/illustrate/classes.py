"""What a classifier sees in denoised photographs: figure 6 for the other task, which the papers do not show."""

from collections.abc import Iterator

import numpy as np
import torch

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.data.labelled import CLASSES, read_labelled
from redenoise.measure.items import to_uint8
from redenoise.measure.noise import add_noise
from redenoise.models import recognizers
from redenoise.models.weights import load_network
from redenoise.recognition.images import prepared
from redenoise.support.files import read_json
from redenoise.support.numbers import fixed
from stages.illustrate.canvas import Figure, framed, grid, not_made, panel, shown
from stages.illustrate.labels import SIGMA, before_task, none_of
from stages.illustrate.methods import Method, first_reason, not_printed, not_run, tensor, title_of

PART, OTHER = "classify_photographs", "segment_photographs"
IMAGES = 3
SIDE = 224  # of a panel, in pixels
TITLE = f"Figure 6 of Liu et al. 2020{not_printed(PART)[0]}: classification of denoised images"


def figure6_classes(config: Config) -> Figure:
    """The first images of the classification test set: denoised, and the class that is found in each."""
    shows, real = config.params["figures"][PART], config.settings["real_data"]
    data, task = paths.labelled(config.scale, shows["data"]), paths.task(config.scale, shows["task"])
    denoisers = before_task(config, PART, OTHER)
    name = title_of(config.params["labelled"][shows["data"]]["title"], real)
    caption = (
        f"{not_printed(PART)[1]}The first images of {name}, with noise of sigma = {SIGMA}: clean, noisy, denoised by "
        "the proposed network alone (Separate), trained through the classifier (Joint Training), and through the "
        "segmentation network (Cross-Task); below, the true class, and the class that the classifier holds for the "
        f"likeliest in each, with its probability.{not_run(denoisers)}"
    )
    if reason := first_reason(data, task) or none_of(denoisers):
        return not_made(TITLE, caption, reason)
    network, _ = load_network(task / "model.safetensors", build=recognizers.build)
    names = read_json(data / CLASSES)
    sizes = [config.entry("task", shows["task"]).get(key) if real else None for key in ("resize", "crop")]
    methods = [Method("Noisy", lambda noisy: noisy), *denoisers]
    rows = []
    for example in read_labelled(data)[:IMAGES]:
        clean = prepared(example, *sizes)
        keyed = {"seed": config.params["seed"], "dataset": data.name, "image": example.id, "sigma": SIGMA}
        noisy, truth = add_noise(clean, **keyed), shown(clean, SIDE)
        row = [panel(truth, f"true: {names[example.label or 0]}"), panel(truth, best(network, clean, names))]
        rows.append([*row, *_panels(noisy, methods, network, names, truth)])
    return Figure(TITLE, caption, framed(grid(rows, ["Truth", "Clean", *(method.name for method in methods)])))


def best(network: recognizers.TaskNetwork, image: np.ndarray, names: list[str]) -> str:
    """The class that a classifier holds for the likeliest and its probability, of an image on the [0, 255] scale."""
    with torch.inference_mode():
        shares = network(tensor(image))[0].double().softmax(dim=0)
    number = int(shares.argmax())
    name = names[number] if number < len(names) else f"class {number}"  # of a network that knows more classes
    return f"{name}, {fixed(100 * float(shares[number]), 0)} %"


def _panels(
    noisy: np.ndarray, methods: list[Method], network: recognizers.TaskNetwork, names: list[str], like: np.ndarray
) -> Iterator[np.ndarray]:
    """What each method makes of the noisy image, with the class that is found in it; empty where not run."""
    for method in methods:
        version = method(noisy)
        if version is None:
            yield panel(None, like=like)
        else:
            yield panel(shown(to_uint8(version), SIDE), best(network, version, names))
