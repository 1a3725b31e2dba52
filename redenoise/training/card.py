"""What a training leaves: the network as it is stored, the card that says how it was trained, and its curve."""

import csv
import io
from pathlib import Path
from typing import Any

import torch

from redenoise.support.files import write_text

CURVE_COLUMNS = ("step", "learning_rate", "training_psnr", "validation_psnr")


def describe(key: dict[str, Any], history: dict[str, Any], step: int) -> dict[str, Any]:
    """How a model was trained, for provenance and for the card of a release.

    Args:
        key: of `Training.key_of`, or read from a checkpoint.
        history: of `Member`.
        step: updates done.
    """
    name, steps = key["schedule"]["name"], key["schedule"]["steps"]
    facts = {field: key[field] for field in ("network", "sigma_range", "mode", "seed", "data", "torch")}
    return {
        **facts,
        "origin": f"trained, schedule {name}, {step} of {steps} steps, mode {key['mode']}",
        "schedule": name,
        "steps": steps,
        "steps_done": step,
        "hours": round(history["seconds"] / 3600.0, 3),
        "restarts": history["restarts"],
        "curve": history["curve"],
        "device": history["device"],
    }


def as_stored(network: torch.nn.Module) -> torch.nn.Module:
    """A trained network in evaluation mode; one that can merge its batch normalisation does, as published ones come."""
    fold = getattr(network.eval(), "folded", None)
    return fold() if fold else network


def write_curve(path: Path, curve: list[list]) -> None:
    """A learning curve as CSV: `CURVE_COLUMNS`, dB with four decimals, validation empty where there was none."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CURVE_COLUMNS)
    for step, rate, training, validated in curve:
        writer.writerow([step, f"{rate:.6g}", f"{training:.4f}", "" if validated is None else f"{validated:.4f}"])
    write_text(path, stream.getvalue())
