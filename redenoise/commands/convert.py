"""Convert weights of Caffe.

The networks of the tasks (`vgg`, `deeplab`) become `data/tasks/<name>.safetensors`; the authors' denoiser
(`multiscale`, with the noise level that it was trained for) becomes `weights/<name>.safetensors`, whose name
is `<family>-<model>`, such as authors-sigma30. Each gets a card, a JSON file of the same name, with the hash of the
file that it was made from.
"""

import re
from pathlib import Path
from typing import Any

import torch

from redenoise.commands.parsing import parser
from redenoise.commands.release import releasing
from redenoise.dag import paths, provenance
from redenoise.models import denoisers, recognizers
from redenoise.models.caffe_importers import IMPORTERS
from redenoise.models.caffemodel import read_layers
from redenoise.models.weights import load_state, save_network
from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import sha256_file, write_json

DENOISER = "multiscale"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def convert(source: Path, network: str, name: str, sigma: float | None = None) -> Path:
    """Write the weights of a Caffe file and their card; returns the path of the weights.

    Args:
        source: the .caffemodel file.
        network: a key of `IMPORTERS`.
        name: of the weights, without a suffix.
        sigma: noise level that the denoiser was trained for, [0, 255] scale; None for the network of a task.

    Raises:
        UserError: the file is missing, damaged or of another network, or name and sigma do not fit the network.
    """
    target = _target(network, name, sigma)
    layers = read_layers(source)
    with damage_explained(source, f"not weights of a {network}", "choose another file"):
        spec, state = IMPORTERS[network](layers, source)
    built = (denoisers.build if network == DENOISER else recognizers.build)(spec)
    load_state(built, state, source)
    origin = f"published weights {source.name}, converted from Caffe"
    with releasing():
        save_network(target, built.eval(), spec, origin)
        card = card_of(source, target, built, spec, origin)
        if sigma is not None:
            level = int(sigma) if float(sigma).is_integer() else sigma
            family, model = name.rsplit("-", 1)
            card |= of_authors(family, model, [level, level])
        write_json(target.with_suffix(".json"), card)
    return target


def _target(network: str, name: str, sigma: float | None) -> Path:
    if not _NAME.fullmatch(name):
        raise UserError(f"--name {name!r}: letters, digits and ._- are allowed; choose another name")
    if (network == DENOISER) != (sigma is not None):
        raise UserError(f"--network {network} {'needs' if sigma is None else 'has no'} --sigma; correct the command")
    if sigma is not None and not 0 < sigma <= 255:
        raise UserError(f"--sigma {sigma:g}: expected more than 0, at most 255; correct the command")
    if network != DENOISER:
        return paths.STORE / "tasks" / f"{name}.safetensors"
    if "-" not in name:
        raise UserError(f"--name {name!r}: expected <family>-<model>, such as authors-sigma30; choose another name")
    return paths.WEIGHTS / f"{name}.safetensors"


def card_of(source: Path, target: Path, network: torch.nn.Module, spec: dict, origin: str) -> dict[str, Any]:
    """What the card of weights from elsewhere says of them and of the file that they were made from."""
    return {
        "origin": origin,
        "network": spec,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "precision": "float32",
        "sha256": sha256_file(target),
        "bytes": target.stat().st_size,
        "commit": provenance.commit()["commit"],
        "source": {"file": source.name, "sha256": sha256_file(source), "bytes": source.stat().st_size},
    }


def of_authors(family: str, model: str, sigma_range: list) -> dict[str, Any]:
    """What a card in weights/ holds besides; what the file does not tell of its training is 0 or empty."""
    return {
        "family": family,
        "model": model,
        "sigma_range": sigma_range,
        "schedule": "of its authors",
        "steps": 0,
        "steps_done": 0,
        "mode": "unknown",
        "device": "unknown",
        "hours": 0.0,
        "restarts": [],
        "curve": [],
        "psnr": {},
    }


def main(arguments: list[str] | None = None) -> None:
    """Command line of the conversion."""
    options = parser("convert", __doc__, scale=False)
    options.add_argument("file", type=Path, help="the .caffemodel file")
    options.add_argument("--network", required=True, choices=list(IMPORTERS), help="what it holds")
    options.add_argument("--name", required=True, help="of the weights, without a suffix")
    options.add_argument("--sigma", type=float, help="noise level of the denoiser, [0, 255] scale")
    given = options.parse_args(arguments)
    target = convert(given.file, given.network, given.name, given.sigma)
    print(f"{target}: converted from {given.file}")
