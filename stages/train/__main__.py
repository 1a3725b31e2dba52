"""Weights of every family: `python -m stages.train [--scale SCALE] [--only KEY] [--model MODEL]`.

Output: `build/<scale>/weights/<key>/<model>.safetensors`; `sigma25` for a network of one noise level, `model` for one
that serves a range; beside each trained one its learning curve `<model>.curve.csv`. A scale either imports weights or
trains. The networks of a family train together; `--model` trains one of them alone and leaves it as a checkpoint, which
the training of the family then takes up.
"""

import argparse
from pathlib import Path

from stages.common import config, paths, provenance
from stages.common.errors import UserError, run_cli
from stages.common.files import renewed
from stages.common.indexed import unavailable_reason, write_unavailable
from stages.common.references import model_names
from stages.train.family import Family
from stages.train.imports import import_family
from stages.train.run import CHECKPOINT_SECONDS


def train(settings: config.Config, key: str, options: argparse.Namespace) -> None:
    """Make the weights of one family."""
    entry = settings.entry("train", key)
    images, source = paths.data(settings.scale, entry["data"]), paths.data(settings.scale, entry["weights"])
    validation = paths.data(settings.scale, entry["validation"])
    inputs = [images, validation, source, paths.leakage(settings.scale)]
    target = paths.weights(settings.scale, key)
    if options.model:
        if settings.settings["published_weights"]:
            line = f"--model {options.model}: scale {settings.scale} imports its weights and does not train"
            raise UserError(f"{line}; choose a scale that trains, such as --scale modern")
        Family(settings, key, options.continue_from).train([options.model], options.checkpoint_seconds)
        return
    with provenance.recorded(settings, "train", key, inputs, [target]) as record, renewed(target) as new:
        reason = why_not(settings, key)
        if reason:
            write_unavailable(new, reason)
            record["unavailable"] = reason
        elif settings.settings["published_weights"]:
            record["models"] = import_family(key, entry, source, new)
        else:
            family = Family(settings, key, options.continue_from)
            family.train(model_names(entry), options.checkpoint_seconds)
            record["models"] = family.store(new)
            record |= {"device": family.device_name, "mode": family.mode}
    if "models" in record and not settings.settings["published_weights"]:
        Family.clean_up(settings, key)


def why_not(settings: config.Config, key: str) -> str | None:
    """Why this scale can make no weights of a family, or None."""
    entry = settings.entry("train", key)
    if settings.settings["published_weights"]:
        if not entry["published"]:
            return f"no weights of {key} are published or released yet, and scale {settings.scale} does not train"
        return unavailable_reason(paths.data(settings.scale, entry["weights"]))
    needed = (entry["data"], entry["validation"])
    reasons = (unavailable_reason(paths.data(settings.scale, name)) for name in needed)
    return entry.get("untrainable") or next(filter(None, reasons), None)


def main() -> None:
    """Command line of the stage."""
    parser = config.stage_parser("train", "Train or import the weights of the families.")
    parser.add_argument("--model", help="train this model of the family alone, and leave it as a checkpoint")
    text = "released weights to start from where there is no checkpoint; the optimiser starts anew at their step"
    parser.add_argument("--continue-from", type=Path, metavar="FILE", help=text)
    parser.add_argument("--checkpoint-seconds", type=float, default=CHECKPOINT_SECONDS, metavar="S")
    arguments = parser.parse_args()
    for option in ("model", "continue_from"):
        if getattr(arguments, option) and not arguments.only:
            name = option.replace("_", "-")
            raise UserError(f"--{name} is for one family; add --only KEY, the family's name in params.yaml")
    settings = config.load(arguments.scale)
    for key in [arguments.only] if arguments.only else settings.keys("train"):
        train(settings, key, arguments)


if __name__ == "__main__":
    run_cli(main)
