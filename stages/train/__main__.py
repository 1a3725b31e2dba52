"""Weights of every family: `python -m stages.train [--scale SCALE] [--only KEY]`.

Output: `build/<scale>/weights/<key>/<model>.safetensors`; `sigma25` for a network of one noise level, `model` for one
that serves a range. A scale either imports the published weights or trains.
"""

from pathlib import Path

import torch

from stages import networks
from stages.common import config, paths, provenance
from stages.common.errors import UserError, run_cli
from stages.common.files import read_image, renewed
from stages.common.indexed import checked_path, read_index, unavailable_reason, write_unavailable
from stages.common.references import model_names
from stages.common.torch_mode import set_mode
from stages.networks.dncnn import DnCNN, fold_batch_norm
from stages.networks.matconvnet import IMPORTERS
from stages.networks.weights import load_state, save_network
from stages.train.loop import Schedule, train_denoiser


def train(settings: config.Config, key: str) -> None:
    """Make the weights of one family."""
    entry = settings.entry("train", key)
    images = paths.data(settings.scale, entry["data"])
    published = paths.data(settings.scale, entry["weights"])
    target = paths.weights(settings.scale, key)
    set_mode(settings.params["mode"], settings.settings["threads"])
    inputs = [images, published, paths.leakage(settings.scale)]
    with provenance.recorded(settings, "train", key, inputs, [target]) as record, renewed(target) as new:
        reason = _why_not(settings, key)
        if reason:
            write_unavailable(new, reason)
            record["unavailable"] = reason
        elif settings.settings["published_weights"]:
            import_family(entry, published, new)
        else:
            train_family(settings, key, images, new)


def _why_not(settings: config.Config, key: str) -> str | None:
    """Why this scale can make no weights of a family, or None."""
    entry = settings.entry("train", key)
    if settings.settings["published_weights"]:
        if not entry["published"]:
            return f"no published weights of {key} are known, and scale {settings.scale} does not train"
        return unavailable_reason(paths.data(settings.scale, entry["weights"]))
    return entry.get("untrainable") or unavailable_reason(paths.data(settings.scale, entry["data"]))


def import_family(entry: dict, published: Path, target: Path) -> None:
    """Convert a family's published weights; batch normalisation is already merged in them."""
    if entry["network"]["name"] not in IMPORTERS:
        line = f"network {entry['network']['name']!r} has no importer of published weights"
        raise UserError(f"{line}; expected one of {', '.join(IMPORTERS)}; set `published: {{}}` in its family")
    rows = {row["id"]: row for row in read_index(published)}
    spec = _stored_spec(entry["network"])
    for model, name in entry["published"].items():
        if name not in rows:
            raise UserError(f"{published}: no weights {name!r}; found {', '.join(rows) or 'none'}; correct `published`")
        path = checked_path(published, rows[name])
        network = networks.build(spec)
        load_state(network, IMPORTERS[spec["name"]](path), path)
        save_network(target / f"{model}.safetensors", network, spec, origin=f"published weights {rows[name]['path']}")


def train_family(settings: config.Config, key: str, images: Path, target: Path) -> None:
    """Train every network of a family, one after the other."""
    entry = settings.entry("train", key)
    options = {**entry["network"], **(settings.settings["network"] or {})}
    gray = options["channels"] == 1
    data = [read_image(checked_path(images, row), gray) for row in read_index(images)]
    schedule = Schedule(**settings.settings["training"])
    for model, sigma_range in _models(entry).items():
        torch.manual_seed(settings.params["seed"])
        network = networks.build(options)
        label = f"{key} {model}"
        train_denoiser(network, data, sigma_range, schedule, settings.params["seed"], label)
        if isinstance(network, DnCNN):
            network = fold_batch_norm(network)
        spec = _stored_spec(options)
        save_network(target / f"{model}.safetensors", network.eval(), spec, origin=f"trained at scale {settings.scale}")


def _models(entry: dict) -> dict[str, tuple[float, float]]:
    """Name and range of noise levels of every network of a family."""
    ranges = [(sigma, sigma) for sigma in entry["sigmas"]] if "sigmas" in entry else [tuple(entry["sigma_range"])]
    return dict(zip(model_names(entry), ranges, strict=True))


def _stored_spec(network: dict) -> dict:
    """The options of a network as it is stored: without batch normalisation, which is merged into its neighbours."""
    return {**network, "batch_norm": False} if network["name"] == "dncnn" else dict(network)


def main() -> None:
    """Command line of the stage."""
    config.for_each_node("train", "Train or import the weights of the families.", train)


if __name__ == "__main__":
    run_cli(main)
