"""The same networks, trained with other seeds in other checkouts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.commands.spread.measure import Cell, networks_of
from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.measure.denoising import DenoiserFor
from redenoise.support.errors import UserError

ALIKE = ("schedule", "steps", "steps_done", "mode")  # of the cards of two trainings that differ in their seed


@dataclass(frozen=True)
class Trainings:
    """Trainings of one family, that of the run first.

    Attributes:
        seeds: of each.
        levels: noise levels at which all of them have a network.
        denoisers: for each, what denoises at a noise level.
    """

    seeds: list[int]
    levels: list[float]
    denoisers: list[DenoiserFor]


def others(config: Config, cell: Cell, folders: list[Path]) -> Trainings | None:
    """The trainings of a cell's family in this and other checkouts; None where nobody trains, or none was named.

    Raises:
        UserError: a checkout has no such training, one of another kind, or one with a seed that another has.
    """
    family = cell.entry.get("family")
    if not folders or cell.networks is None or family is None:
        return None
    models = {sigma: cell.networks.path_for(sigma).stem for sigma in cell.levels}
    own = _cards(config, Path(), family)
    levels = [sigma for sigma, model in models.items() if "schedule" in own.get(model, {})]
    if not levels:
        return None  # weights of the papers' authors
    seeds, denoisers = [own[models[levels[0]]]["seed"]], [cell.denoiser_for]
    for folder in folders:
        cards = _cards(config, folder, family)
        for sigma in levels:
            _check(folder, family, models[sigma], own[models[sigma]], cards)
        seeds.append(cards[models[levels[0]]]["seed"])
        weights = folder / paths.weights(config.scale, family)
        denoisers.append(networks_of(config, cell.entry, weights).denoiser_for)
    if len(set(seeds)) < len(seeds):
        places = ", ".join(map(str, [Path(), *folders]))
        line = f"--trained: {family} was trained with the seeds {', '.join(map(str, seeds))} in {places}"
        raise UserError(f"{line}; expected different ones: change `seed` in the params.yaml of each and train again")
    return Trainings(seeds, levels, denoisers)


def _cards(config: Config, folder: Path, family: str) -> dict[str, dict[str, Any]]:
    """How each network of a family was trained, by its name."""
    path = folder / paths.provenance(config.scale, "train", family)
    return provenance.read(path).get("models", {})


def _check(folder: Path, family: str, model: str, own: dict[str, Any], cards: dict[str, dict[str, Any]]) -> None:
    found = cards.get(model, {})
    for name in ALIKE:
        if found.get(name) != own[name]:
            line = f"--trained: {folder}: {name} of {family} {model} is {found.get(name)}, here {own[name]}"
            raise UserError(f"{line}; expected trainings that differ in their seed alone")
