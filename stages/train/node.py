"""Weights of every family: `python -m stages.train [--scale SCALE] [--only KEY] [--model MODEL]`.

Output: `build/<scale>/weights/<key>/<model>.safetensors`; `sigma25` for a network of one noise level, `model` for one
that serves a range; beside each trained one its learning curve `<model>.curve.csv`. A scale either imports weights or
trains. The networks of a family train together; `--model` trains one of them alone and leaves it as a checkpoint, which
the training of the family then takes up.
"""

import argparse

from redenoise.dag import paths, provenance
from redenoise.dag.code import note_code
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason, write_unavailable
from redenoise.dag.references import model_names
from redenoise.models import denoisers
from redenoise.support.errors import UserError
from redenoise.support.files import renewed
from redenoise.training.imports import import_family
from stages.train.family import Family


def run(config: Config, key: str, options: argparse.Namespace) -> None:
    """Make the weights of one family."""
    entry, target = config.entry("train", key), paths.weights(config.scale, key)
    if options.model:
        if config.settings["published_weights"]:
            line = f"--model {options.model}: scale {config.scale} imports its weights and does not train"
            raise UserError(f"{line}; choose a scale that trains, such as --scale modern")
        Family(config, key, options.continue_from).train([options.model], options.checkpoint_seconds)
        return
    family = None
    with provenance.recorded(config, "train", key) as record, renewed(target) as new:
        reason = why_not(config, key)
        if reason:
            write_unavailable(new, reason)
            record["unavailable"] = reason
        elif config.settings["published_weights"]:
            record["models"] = import_family(key, entry, paths.data(config.scale, entry["weights"]), new)
        else:
            family = Family(config, key, options.continue_from)
            family.train(model_names(entry), options.checkpoint_seconds)
            record["models"] = family.store(new)
            record |= {"device": family.device_name, "mode": family.mode}
        if not reason:
            note_code(new, denoisers.source(entry["network"]["name"]))
    if family:
        family.keep_results()


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
