"""Weights of every family: `python -m stages.train [--scale SCALE] [--only KEY] [--model MODEL]`.

Output: `build/<scale>/weights/<key>/<model>.safetensors`; `sigma25` for a network of one noise level, `model` for one
that serves a range; beside each trained one its learning curve `<model>.curve.csv`. A scale either imports weights or
trains. The networks of a family train together; `--model` trains one of them alone and leaves it as a checkpoint, which
the training of the family then takes up.
"""

import argparse
from pathlib import Path

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config, load_config, stage_parser
from redenoise.dag.indexed import unavailable_reason, write_unavailable
from redenoise.dag.references import model_names
from redenoise.support.errors import UserError, run_cli
from redenoise.support.files import renewed
from redenoise.training.imports import import_family
from redenoise.training.run import CHECKPOINT_SECONDS
from stages.train.family import Family


def train(config: Config, key: str, options: argparse.Namespace) -> None:
    """Make the weights of one family."""
    entry = config.entry("train", key)
    images, source = paths.data(config.scale, entry["data"]), paths.data(config.scale, entry["weights"])
    validation = paths.data(config.scale, entry["validation"])
    inputs = [images, validation, source, paths.leakage(config.scale)]
    target = paths.weights(config.scale, key)
    if options.model:
        if config.settings["published_weights"]:
            line = f"--model {options.model}: scale {config.scale} imports its weights and does not train"
            raise UserError(f"{line}; choose a scale that trains, such as --scale modern")
        Family(config, key, options.continue_from).train([options.model], options.checkpoint_seconds)
        return
    family = None
    with provenance.recorded(config, "train", key, inputs, [target]) as record, renewed(target) as new:
        reason = why_not(config, key)
        if reason:
            write_unavailable(new, reason)
            record["unavailable"] = reason
        elif config.settings["published_weights"]:
            record["models"] = import_family(key, entry, source, new)
        else:
            family = Family(config, key, options.continue_from)
            family.train(model_names(entry), options.checkpoint_seconds)
            record["models"] = family.store(new)
            record |= {"device": family.device_name, "mode": family.mode}
    if family:
        family.clean_up()


def why_not(config: Config, key: str) -> str | None:
    """Why this scale can make no weights of a family, or None."""
    entry = config.entry("train", key)
    if config.settings["published_weights"]:
        if not entry["published"]:
            return f"no weights of {key} are published or released yet, and scale {config.scale} does not train"
        return unavailable_reason(paths.data(config.scale, entry["weights"]))
    needed = (entry["data"], entry["validation"])
    reasons = (unavailable_reason(paths.data(config.scale, name)) for name in needed)
    return entry.get("untrainable") or next(filter(None, reasons), None)


def main() -> None:
    """Command line of the stage."""
    parser = stage_parser("train", "Train or import the weights of the families.")
    parser.add_argument("--model", help="train this model of the family alone, and leave it as a checkpoint")
    text = "released weights to start from where there is no checkpoint; the optimiser starts anew at their step"
    parser.add_argument("--continue-from", type=Path, metavar="FILE", help=text)
    parser.add_argument("--checkpoint-seconds", type=float, default=CHECKPOINT_SECONDS, metavar="S")
    arguments = parser.parse_args()
    for option in ("model", "continue_from"):
        if getattr(arguments, option) and not arguments.only:
            name = option.replace("_", "-")
            raise UserError(f"--{name} is for one family; add --only KEY, the family's name in params.yaml")
    config = load_config(arguments.scale)
    for key in [arguments.only] if arguments.only else config.keys("train"):
        train(config, key, arguments)


if __name__ == "__main__":
    run_cli(main)
