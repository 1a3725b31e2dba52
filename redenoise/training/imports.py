"""Weights that need no training: published ones, converted, and those that this project released."""

from pathlib import Path

from redenoise.dag.indexed import CARD, MISSING, checked_path, read_index
from redenoise.dag.levels import noise_ranges, varied
from redenoise.models import denoisers, matconvnet, matlab, pickled
from redenoise.models.weights import load_network, load_state, save_network
from redenoise.support.errors import UserError, damage_explained
from redenoise.support.files import read_json, write_json

IMPORTERS = matconvnet.IMPORTERS | matlab.IMPORTERS | pickled.IMPORTERS
OF_THE_SCHEDULE = ("init", "input_scale")  # options that a schedule may set, and not the family


def import_family(key: str, entry: dict, source: Path, target: Path) -> dict[str, dict]:
    """Fill `target` with a family's weights from the index of a folder of published or released ones.

    Returns:
        Where each model comes from, by model: its card for a released one, `{"origin": ...}` for a published one.
    """
    rows = {row["id"]: row for row in read_index(source)}
    ranges = noise_ranges(entry)
    origins = {}
    for model, name in entry["published"].items():
        if name not in rows:
            raise UserError(f"{source}: no weights {name!r}; found {', '.join(rows) or 'none'}; correct `published`")
        path = checked_path(source, rows[name])
        release = path.suffix == ".safetensors"
        importer = _import_released if release else _import_published
        network = {**entry["network"], **varied(entry)[model]}
        origins[model] = importer(network, path, target / f"{model}.safetensors")
        serves = origins[model].get("sigma_range", ranges[model])
        if serves != ranges[model]:
            line = f"{path}: trained for sigma {serves[0]} to {serves[1]}, but `published` names it for {model}"
            raise UserError(f"{line}; correct `published` in its family")
    absent = [model for model in ranges if model not in entry["published"]]
    if absent:
        write_json(target / MISSING, {model: f"no weights of {key} for {model} are released yet" for model in absent})
    return origins


def _import_published(network: dict, path: Path, target: Path) -> dict:
    """Convert a file of the authors; batch normalisation is already merged in it."""
    if network["name"] not in IMPORTERS:
        line = f"network {network['name']!r} has no importer of published weights"
        raise UserError(f"{line}; expected one of {', '.join(IMPORTERS)}; set `published: {{}}` in its family")
    spec = denoisers.stored_spec(network)
    built = denoisers.build(spec)
    with damage_explained(path, f"not weights of a {spec['name']}", "correct `weights` or `published` of its family"):
        state = IMPORTERS[spec["name"]](path)
    load_state(built, state, path)
    origin = f"published weights {path.name}"
    save_network(target, built, spec, origin)
    return {"origin": origin}


def _import_released(network: dict, path: Path, target: Path) -> dict:
    """Copy released weights, checked against the family's entry, and hand on their card."""
    built, spec = load_network(path)
    denoisers.check_same(path, spec, denoisers.stored_spec(network), but=OF_THE_SCHEDULE)
    card = read_json(path.with_suffix(".json"), dict, CARD)
    save_network(target, built, spec, card["origin"])
    return card
