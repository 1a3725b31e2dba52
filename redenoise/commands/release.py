"""Release trained weights.

Writes `weights/<family>-<model>.safetensors` and its card, a JSON file of the same name, and `weights/README.md` anew
from all cards; of the network of a task, `weights/<task>-model.safetensors`. A training that has not ended is released
as far as its last checkpoint, and its card says so. The card's PSNR, or mIoU or accuracy in a task, is measured here:
the same noise, networks and measure as in the evaluation of the tables.

Weights are stored in 16 bits where that costs less than 0.002 dB on the images that the training was watched on, or
0.05 points of mIoU or accuracy on the validation set of a task, else in 32.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from redenoise.commands import task_release
from redenoise.commands.parsing import parser
from redenoise.commands.storing import stored
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import checked_path, read_index
from redenoise.dag.levels import against_noise
from redenoise.data.images import read_image
from redenoise.document import markdown
from redenoise.measure import apply
from redenoise.measure.inputs import LESS_MEMORY
from redenoise.measure.items import to_uint8
from redenoise.measure.metrics import psnr
from redenoise.measure.noise import add_noise
from redenoise.measure.torch_mode import device, set_mode
from redenoise.models import denoisers, recognizers
from redenoise.models.weights import load_network, load_state
from redenoise.support.errors import UserError, during
from redenoise.support.files import read_json, write_json, write_text
from redenoise.support.locks import exclusive
from redenoise.support.progress import progress
from redenoise.training.card import as_stored, describe
from redenoise.training.checkpoint import read_checkpoint
from redenoise.training.validation import Validation

HIGHEST_COST = 0.002  # dB of validation PSNR; 16 bits that cost as much are too few
MEASURED_ON = ("kodak", "cbsd68")  # entries of `downloads`; for gray networks those of `MEASURED_ON_GRAY`
MEASURED_ON_GRAY = ("set12", "bsd68")
STORED = ("weights", "network", "parameters", "precision", "cost")  # columns of weights/README.md
TRAINED = ("schedule", "steps", "mode", "device", "hours")


def release(config: Config, family: str, model: str, sets: Sequence[str] | None = None) -> Path:
    """Write one release; returns the path of its weights.

    Args:
        sets: entries of `downloads` to measure it on; by default those of its channels.

    Raises:
        UserError: nothing has been trained under this name, its weights are not those that were recorded, or the test
            sets are not there.
    """
    with releasing():
        return put(config, *store(config, family, model, paths.WEIGHTS), sets)


def release_task(config: Config, key: str, sets: Sequence[str] | None = None) -> Path:
    """As `release`, of the network of a task.

    Args:
        sets: entries of `labelled` to measure it on; by default the validation part of the set it was trained on.
    """
    with releasing():
        network, card = trained(config, "task", key, task_release.MODEL)
        return _placed(*task_release.store(config, key, network, card, paths.WEIGHTS, sets))


def releasing() -> AbstractContextManager[None]:
    """Held while weights, their card and the list of all cards are written, so that they are of one network."""
    return exclusive(paths.shared_lock("weights"), f"{paths.WEIGHTS}/")


def store(config: Config, family: str, model: str, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write what was trained into a folder, in 16 bits if that costs next to nothing; the network of a task in 32.

    Returns:
        The path, which is not yet that of a release, and the card, which has no PSNR of the test sets yet.

    Raises:
        UserError: nothing has been trained under this name, or the images to validate it on are not there.
    """
    entry = config.params["families"].get(family, {})
    if entry and not against_noise(entry):
        line = f"{family} restores what {entry['degradation']} has done, and a card has PSNR against noise"
        raise UserError(f"{line}; release a network against noise")
    stage = stage_of(config, family, model)
    network, card = trained(config, stage, family, model)
    card |= {"family": family, "model": model}
    if stage == "task":
        return task_release.store_whole(network, card, folder)
    path, spec = folder / f"{family}-{model}.new", denoisers.stored_spec(card["network"])
    psnr = _watched(config, family, spec, card["sigma_range"][1])
    return path, stored(path, network, spec, card, denoisers.build, psnr, HIGHEST_COST, "dB")


def stage_of(config: Config, family: str, model: str) -> str:
    """The stage that trains a network; a cascade may be called like a task, but its networks have levels for names."""
    if model == task_release.MODEL and family in config.params["tasks"]:
        return "task"
    return "cascade" if family in config.params["cascades"] else "train"


def put(config: Config, new: Path, card: dict[str, Any], sets: Sequence[str] | None = None) -> Path:
    """Measure weights that `store` wrote and move them into weights/, beside their card; returns their path."""
    if stage_of(config, card["family"], card["model"]) == "task":
        of_task, _ = load_network(new, build=recognizers.build)
        return _placed(*task_release.store(config, card["family"], of_task, card, new.parent, sets))
    network, spec = load_network(new)  # what is measured is what is released
    if sets is None:
        sets = MEASURED_ON_GRAY if spec["channels"] == 1 else MEASURED_ON
    card = card | {"psnr": measure(config, network, sets, spec["channels"] == 1, card["sigma_range"])}
    return _placed(new, card)


def _placed(new: Path, card: dict[str, Any]) -> Path:
    """Move measured weights into weights/, beside their card; returns their path."""
    target = paths.WEIGHTS / f"{card['family']}-{card['model']}.safetensors"
    os.replace(new, target)
    write_json(target.with_suffix(".json"), card)
    write_text(paths.WEIGHTS / "README.md", readme(cards()))
    return target


def _watched(config: Config, family: str, spec: dict, sigma: float) -> Callable[[torch.nn.Module], float]:
    """Gives the PSNR in dB of a network on the images that the training of its family is watched on."""
    entry = config.params["cascades"].get(family)
    family = entry["initial"] if entry else family  # a cascade's own training is watched on none
    here = device()
    images = [image for _, image in _images(config, config.entry("train", family)["validation"], spec["channels"] == 1)]
    set_mode("reference", config.settings["threads"])
    validation = Validation(images, config.params["seed"], here)
    layout = torch.channels_last
    return lambda network: validation.psnr(network.to(here), sigma, layout, False)


def trained(config: Config, stage: str, key: str, model: str) -> tuple[torch.nn.Module, dict[str, Any]]:
    """A trained network in evaluation mode and how it was trained: the last checkpoint's, else the finished one.

    Args:
        stage: "train", "cascade" or "task", and `key` of an entry of it.
    """
    config.entry(stage, key)
    build = recognizers.build if stage == "task" else denoisers.build
    made = {"train": paths.weights, "cascade": paths.cascade, "task": paths.task}[stage]
    finished = made(config.scale, key) / f"{model}.safetensors"
    name = key if stage == "train" else f"{stage}-{key}"
    checkpoint = paths.checkpoints(config.scale, name) / f"{model}.safetensors"
    if checkpoint.exists():
        entry, tensors = read_checkpoint(checkpoint)
        which = "averaged" if any(name.startswith("averaged.") for name in tensors) else "network"
        state = {name.removeprefix(f"{which}."): value for name, value in tensors.items() if name.startswith(which)}
        network = build(entry["key"]["network"])
        load_state(network, state, checkpoint)
        return as_stored(network), describe(entry["key"], entry["history"], entry["step"])
    if finished.exists():
        provenance.hash_inputs(config, [finished.parent])  # weights and card are those of one training
        record = provenance.read(paths.provenance(config.scale, stage, key))
        card = record["card"] if stage == "task" else record["models"][model]
        if "schedule" in card:
            return load_network(finished, build=build)[0], card
    line = f"{finished}: nothing was trained there, and there is no checkpoint {checkpoint}"
    raise UserError(f"{line}; run `python -m stages.{stage} --scale {config.scale} --only {key}` first")


def measure(
    config: Config, network: torch.nn.Module, sets: Sequence[str], gray: bool, sigma_range: list
) -> dict[str, dict]:
    """Average PSNR in dB by data set and noise level, with the evaluation's noise."""
    set_mode("reference", config.settings["threads"])
    network = network.to(memory_format=torch.channels_last)  # on processors a third less time
    found: dict[str, dict] = {}
    for dataset in sets:
        images = _images(config, dataset, gray)
        title = config.entry("download", dataset)["title"]
        low, high = sigma_range
        known = config.entry("synthesize", dataset)["sigmas"]
        levels = [low] if low == high else [sigma for sigma in known if low <= sigma <= high]
        for sigma in levels:
            values = []
            for name, clean in progress(images, len(images), f"measure {dataset} sigma {sigma}"):
                keyed = {"seed": config.params["seed"], "dataset": dataset, "image": name, "sigma": sigma}
                with during(f"{dataset}: image {name}, sigma {sigma}", LESS_MEMORY):
                    image = to_uint8(apply.denoise(network, add_noise(clean, **keyed), sigma))
                values.append(psnr(image, clean))
            found.setdefault(title, {})[str(sigma)] = round(float(np.mean(values)), 4)
    return found


def _images(config: Config, dataset: str, gray: bool) -> list[tuple[str, np.ndarray]]:
    """Id and pixels, uint8 (H, W) or (H, W, 3), of the images of an entry of `downloads`; `UserError` without any."""
    folder = paths.data(config.scale, dataset)
    rows = read_index(folder)
    if not rows:
        raise UserError(f"{folder}: no images to measure the weights on; run `python -m stages.download` for them")
    return [(row["id"], read_image(checked_path(folder, row), gray)) for row in rows]


def cards() -> list[dict[str, Any]]:
    """Every card in weights/, sorted by name; raises `UserError` for one that is not of the weights it lies beside."""
    found = {path: read_json(path, dict, ("family", "model")) for path in sorted(paths.WEIGHTS.glob("*.json"))}
    for path, card in found.items():
        if (name := f"{card['family']}-{card['model']}") != path.stem:
            raise UserError(f"{path}: is of {name}, expected {path.stem}; put the original back, or release it again")
    return list(found.values())


def readme(found: list[dict[str, Any]]) -> str:
    """weights/README.md, generated from the cards; weights of others, which it does not release, are left out."""
    found = [card for card in found if "source" not in card]
    lines = [
        "# Released weights",
        "<!-- Generated by `redenoise release`; do not edit. -->",
        "Trained by this project and stored as safetensors, each with a card (the JSON file of the same name) that\n"
        "holds its network, schedule, learning curve, the hash of its training images, and its own hash. PSNR in dB,\n"
        "average over the set at the noise level of the network, measured when it was released. A schedule that has\n"
        "not ended is released as it stands: compare `steps` before comparing PSNR. `watched` is the last PSNR on the\n"
        "crops that the training was watched on. Weights are stored in 16 bits where that costs less than\n"
        f"{HIGHEST_COST} dB on these (`cost`), and measured so. `parameters` are all of the network as it is stored,\n"
        "normalisation too; table I of Liu et al. 2020 leaves that and the first convolution out, so that its page in\n"
        "reports/ has a smaller number for the same network.",
    ]
    rows, of_tasks = [], []
    for card in found:
        if "scores" in card:
            of_tasks.append((*_stored(card), *_training(card), task_release.shown(card)))
            continue
        values = (f"{name} {sigma}: {value:.2f}" for name, by in card["psnr"].items() for sigma, value in by.items())
        low, high = card["sigma_range"]
        last = "" if (value := watched(card)) is None else f"{value:.2f}"
        level = f"{low}" if low == high else f"{low} to {high}"
        rows.append((*_stored(card), level, *_training(card), last, "; ".join(values)))
    table = _table((*STORED, "sigma", *TRAINED, "watched", "PSNR"), rows)
    tasks = ["## Networks of tasks", task_release.ABOUT, _table((*STORED, *TRAINED, "clean images"), of_tasks)]
    return "\n\n".join([*lines, table, *(tasks if of_tasks else [])]) + "\n"


def _table(header: Sequence[str], rows: list[tuple[str, ...]]) -> str:
    return markdown.grid(header, rows, ["left"] * len(header)) if rows else "_None yet._"


def watched(card: dict[str, Any]) -> float | None:
    """The last PSNR in dB of a card's curve on the images that the training was watched on; None if there were none."""
    return next((point[3] for point in reversed(card["curve"]) if point[3] is not None), None)


def _stored(card: dict[str, Any]) -> tuple[str, ...]:
    """The columns of `STORED`."""
    name = f"{card['family']}-{card['model']}"
    cost = f"{card['precision_cost']:z.4f}" if "precision_cost" in card else ""
    network = markdown.literal(_describe(card["network"]))
    return f"[{name}]({name}.json)", network, f"{card['parameters']:,}", card["precision"], cost


def _training(card: dict[str, Any]) -> tuple[str, ...]:
    """The columns of `TRAINED`."""
    steps = f"{card['steps_done']:,} of {card['steps']:,}"
    schedule, device = (markdown.literal(card[name]) for name in ("schedule", "device"))
    return schedule, steps, card["mode"], device, f"{card['hours']:.2f}"


def _describe(network: dict[str, Any]) -> str:
    options = (f"{name} {value}" for name, value in network.items() if name not in ("name", "channels"))
    return f"{network['name']}: {', '.join(options)}"


def main(arguments: list[str] | None = None) -> None:
    """Command line of the release."""
    options = parser("release", __doc__, scale=False)
    options.add_argument("family", help="an entry of `families`, `cascades` or `tasks` in params.yaml")
    options.add_argument("model", nargs="?", help="one of its models, such as sigma35; none of the network of a task")
    options.add_argument("--scale", default="modern", help="the scale that trained it (default: modern)")
    text = f"entries of `downloads` to measure it on, or none (default: {', '.join(MEASURED_ON)}; of gray networks"
    text += f" {', '.join(MEASURED_ON_GRAY)}); in a task, of `labelled` (default: its validation set)"
    options.add_argument("--on", nargs="*", metavar="SET", help=text)
    given = options.parse_args(arguments)
    config = load_config(given.scale)
    if given.model is None:
        if given.family not in (tasks := config.params["tasks"]):
            line = f"{given.family!r}: without a model, the network of a task is released"
            raise UserError(f"{line}; name a model of a family or cascade too, or a task: {', '.join(tasks)}")
        target = release_task(config, given.family, given.on)
        line = f"to take it up, a task in params.yaml needs\n  start: data/released\n  weights: {target.stem}"
    else:
        target = release(config, given.family, given.model, given.on)
        line = "to evaluate it at scale bench, its entry in params.yaml needs (a family `weights: released`, too)\n"
        line += f"  published: {{{given.model}: {target.stem}}}"
    card = read_json(target.with_suffix(".json"))
    measured = f"PSNR {card['psnr']}" if given.model else task_release.shown(card)
    print(f"{target}: {card['origin']}; {measured}\n{line}")
