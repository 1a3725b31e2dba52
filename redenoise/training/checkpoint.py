"""Checkpoints: everything that an interrupted run needs to go on as if nothing had happened.

They lie outside the declared outputs, which both engines delete when a job fails. The format is safetensors, so a
foreign checkpoint can be looked at without running anything. There is no random state in it but the step's number:
the draws of step k depend on (seed, k) alone.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save

from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import atomic_open, plain
from redenoise.training.step import Learner, learner_tensors


def save_checkpoint(path: Path, learner: Learner, step: int, key: dict[str, Any], history: dict[str, Any]) -> None:
    """Write a learner after `step` steps, atomically.

    Args:
        key: everything of the configuration, data and code that the run depends on; see `load_checkpoint`.
        history: the learning curve so far and the seconds spent, as JSON values.
    """
    _write(path, learner_tensors(learner), step, key, history)


def _write(path: Path, found: dict[str, torch.Tensor], step: int, key: dict[str, Any], history: dict[str, Any]) -> None:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in found.items()}
    entry = {"step": step, "key": key, "history": history, "sha256": _digest(tensors)}
    with atomic_open(path) as stream:
        stream.write(save(tensors, {"redenoise": json.dumps(entry, sort_keys=True)}))


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Its step, key and history, and its tensors by name; raises `UserError` if the file is damaged."""
    plain(path)
    try:
        with damage_explained(
            path, "damaged, expected a checkpoint of this project", "delete it to train from the start"
        ):
            with safe_open(path, framework="pt") as file:
                entry = json.loads(file.metadata()["redenoise"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            # Checkpoints from before they had a hash are taken as they are.
            if entry.get("sha256", found := _digest(tensors)) != found:
                raise ValueError(f"SHA-256 of its tensors is {found[:12]}…, recorded {entry['sha256'][:12]}…")
            return {name: entry[name] for name in ("step", "key", "history")}, tensors
    except FileNotFoundError:
        raise UserError(f"{path}: no such checkpoint; start the training that writes it") from None


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    """SHA-256 of tensors on the host, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load_checkpoint(path: Path, learner: Learner, key: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Put a checkpoint into a learner.

    Returns:
        The number of steps done, and the history.

    Raises:
        UserError: the file is damaged, or was written by a run with another key; the line says what differs.
    """
    entry, tensors = read_checkpoint(path)
    changed = differences(entry["key"], key)
    if changed:
        line = f"{path}: a checkpoint at step {entry['step']} of another run: {'; '.join(changed)}"
        raise UserError(f"{line}; delete it to train from the start, or undo the change to go on")
    _start_optimizer(learner, tensors)
    now = learner_tensors(learner)
    if set(now) != set(tensors) or any(now[name].shape != tensors[name].shape for name in now):
        raise UserError(f"{path}: its tensors are not those of this run; delete it to train from the start")
    with torch.no_grad():
        for name, tensor in now.items():
            tensor.copy_(tensors[name])
    return entry["step"], entry["history"]


def save_result(path: Path, learner: Learner, key: dict[str, Any], history: dict[str, Any]) -> None:
    """Keep what a training ended in, for as long as nothing that its numbers depend on changes; see `load_result`."""
    tensors = {f"result.{name}": tensor for name, tensor in learner.result.state_dict().items()}
    _write(path, tensors, learner.schedule.steps, key, history)


def load_result(path: Path, learner: Learner, key: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
    """Put what a finished training ended in into a learner; None if there is none with this key.

    One of another key, or a damaged one, is as good as none: the training that follows replaces it.

    Returns:
        The number of steps done, and the history.
    """
    try:
        entry, tensors = read_checkpoint(path)
        if differences(entry["key"], key):
            return None
        learner.result.load_state_dict({name.removeprefix("result."): tensor for name, tensor in tensors.items()})
    except (UserError, RuntimeError):
        return None
    return entry["step"], entry["history"]


def differences(old: Any, new: Any, place: str = "") -> list[str]:
    """What differs between two nested dicts of JSON values, one phrase each."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = sorted(set(old) | set(new))
        parts = (differences(old.get(name), new.get(name), f"{place}.{name}".lstrip(".")) for name in names)
        return [phrase for part in parts for phrase in part]
    return [] if old == new else [f"{place} was {_short(old)}, is {_short(new)}"]


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _start_optimizer(learner: Learner, tensors: dict[str, torch.Tensor]) -> None:
    """Give the optimiser the state tensors that it makes at its first step."""
    for name, parameter in learner.network.named_parameters():
        state = learner.optimizer.state[parameter]
        for full, tensor in tensors.items():
            parts = full.split(".", 2)
            if parts[0] == "optimizer" and parts[2] == name:
                # The number of steps lives where the optimiser put it: beside the weights if fused or capturable.
                fast_step = learner.fast or learner.device.type == "cuda"
                device = learner.device if parts[1] != "step" or fast_step else torch.device("cpu")
                like = parameter if tensor.shape == parameter.shape else tensor
                state[parts[1]] = torch.empty_like(like, dtype=tensor.dtype, device=device, requires_grad=False)
