"""Fit the patch prior of EPLL and release it.

Writes `weights/<name>.safetensors` and its card, a JSON file of the same name, and `weights/README.md` anew from all
cards. The patches are drawn from the 200 training images of BSDS500, the split `train` of CBSD432, converted to gray;
none of BSD68 is among them. The card has no PSNR: the fit goes by the likelihood, and the tables say what comes of it.
"""

import re
import time
from pathlib import Path
from typing import Any

import torch

from redenoise.commands.parsing import parser
from redenoise.commands.release import cards, readme, releasing
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config, load_config
from redenoise.dag.indexed import checked_path, read_index
from redenoise.data.images import read_image
from redenoise.measure.torch_mode import set_mode
from redenoise.models.denoisers.epll import EPLL
from redenoise.models.weights import save_network
from redenoise.support.errors import UserError
from redenoise.support.files import sha256_file, sha256_path, write_json, write_text
from redenoise.training import gaussians

COMPONENTS, SIDE = 200, 8
DATA = "cbsd432"  # an entry of `downloads`
SPLIT = "train"
PATCHES, BATCH = 2_000_000, 40_000  # of the fit; an update takes a batch
BLURS = (2 / 255, 2 / 255, 0.5 / 255)  # of its passes; EPLL itself meets noise from 2.7 / 255 on at sigma 15
SIGMAS = [0, 75]  # the prior serves any noise level; a family has to name a range
PRECISION = "float16"  # of the factors: half the bytes of float32, the same PSNR
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]*-[A-Za-z0-9][A-Za-z0-9._]*")


def fit(config: Config) -> tuple[EPLL, dict[str, Any]]:
    """The prior of the scale's training images, and how it was fitted: the fields of its card.

    Raises:
        UserError: the training images are not there.
    """
    set_mode("reference", config.settings["threads"])
    folder = paths.data(config.scale, DATA)
    rows = [row for row in read_index(folder, ("split",)) if row["split"] == SPLIT]
    if not rows:
        raise UserError(f"{folder}: no images of the split {SPLIT!r}; run `python -m stages.download` for them")
    images = [read_image(checked_path(folder, row), gray=True) for row in rows]
    seed, began = config.params["seed"], time.monotonic()
    patches = gaussians.draw_patches(images, PATCHES, SIDE, seed)
    curve: list[float] = []

    def report(update: int, likelihood: float) -> None:
        curve.append(round(likelihood, 4))
        print(f"update {update}: log likelihood {likelihood:.4f} a patch", flush=True)

    prior = gaussians.fit(patches, COMPONENTS, BATCH, BLURS, report)
    return prior, {
        "data": sha256_path(folder),
        "split": SPLIT,
        "images": len(images),
        "patches": PATCHES,
        "batch": BATCH,
        "blurs": [round(blur * 255, 4) for blur in BLURS],  # [0, 255] scale
        "likelihood": curve,
        "seed": seed,
        "hours": round((time.monotonic() - began) / 3600, 3),
        "device": provenance.describe_device(),
        "torch": torch.__version__,
    }


def release(prior: EPLL, facts: dict[str, Any], name: str) -> Path:
    """Write a prior and its card into weights/; returns the path of the weights.

    Args:
        facts: of `fit`.
        name: `<family>-<model>`.

    Raises:
        UserError: the name is of another form.
    """
    check_name(name)
    with releasing():
        return _released(prior, facts, name)


def _released(prior: EPLL, facts: dict[str, Any], name: str) -> Path:
    family, model = name.split("-")
    target = paths.WEIGHTS / f"{name}.safetensors"
    spec = {"name": "epll", "components": COMPONENTS, "side": SIDE, "channels": 1}
    steps = len(facts["likelihood"])
    origin = f"fitted, {steps} updates of stepwise EM on {facts['patches']} patches"
    save_network(target, prior.eval(), spec, origin, PRECISION)
    card = {
        "family": family,
        "model": model,
        "network": spec,
        "origin": origin,
        "parameters": sum(buffer.numel() for buffer in prior.buffers()),
        "precision": PRECISION,
        "sigma_range": SIGMAS,
        "schedule": "stepwise EM",
        "steps": steps,
        "steps_done": steps,
        "mode": "reference",
        "restarts": [],
        "curve": [],  # of PSNR; `likelihood` is that of the fit
        "psnr": {},
        "commit": provenance.commit()["commit"],
        "sha256": sha256_file(target),
        "bytes": target.stat().st_size,
    }
    write_json(target.with_suffix(".json"), card | facts)
    write_text(paths.WEIGHTS / "README.md", readme(cards()))
    return target


def check_name(name: str) -> None:
    """Raise `UserError` for a name that is not `<family>-<model>`."""
    if not _NAME.fullmatch(name):
        raise UserError(f"--name {name!r}: expected <family>-<model>, such as epll-model; choose another name")


def main(arguments: list[str] | None = None) -> None:
    """Command line of the fit."""
    options = parser("prior", __doc__, scale=False)
    options.add_argument("--name", default="epll-model", help="of the weights (default: epll-model)")
    options.add_argument("--scale", default="bench", help="whose training images are taken (default: bench)")
    given = options.parse_args(arguments)
    check_name(given.name)
    target = release(*fit(load_config(given.scale)), given.name)
    print(f"{target}: {target.stat().st_size:,} bytes")
