"""Checks of params.yaml, after those of references, of what is measured: degraded sets, and that no two nodes clash."""

from pathlib import Path

from redenoise.dag import options
from redenoise.dag.levels import model_names
from redenoise.dag.pairs import check_pair
from redenoise.dag.references import check_download, check_levels, check_name, refuse
from redenoise.support.errors import UserError

# Sections whose nodes write build/<scale>/results/<key>.csv.
MEASURED = ("evaluations", "filters", "restorations", "recognitions", "filtered_recognitions")


def check_measurements(params: dict, path: Path) -> None:
    """Raise `UserError` for the first entry that measures what it cannot, or what another one measures."""
    _check_degraded(path, params)
    _check_names(path, params)
    _check_methods(path, params)


def _check_degraded(path: Path, params: dict) -> None:
    """Degraded sets, and the networks that restore them, which serve their levels."""
    downloads, degraded = params["downloads"], params["degraded"]
    for section in ("degraded", "families"):
        for key, entry in params[section].items():
            if entry["degradation"] not in (known := options.names("degradations")):
                problem = "no module of redenoise/measure/degradations with degrade()"
                refuse(path, f"{section}.{key}.degradation", entry["degradation"], problem, known)
    for key, entry in degraded.items():
        check_download(path, downloads, f"degraded.{key}.dataset", entry["dataset"], "images")
        check_name(path, f"degraded.{key}.protocol", entry["protocol"], "protocols", params["protocols"])
    for key, entry in params["restorations"].items():
        place = f"restorations.{key}"
        check_name(path, f"{place}.degraded", entry["degraded"], "degraded", degraded)
        check_name(path, f"{place}.family", entry["family"], "families", params["families"])
        source, served = degraded[entry["degraded"]], model_names(params["families"][entry["family"]])
        levels, name = entry.get("levels", source["levels"]), options.parameter(source["degradation"])
        check_levels(path, f"{place}.levels", levels, f"degraded.{entry['degraded']}", source["levels"])
        _check_family(path, place, entry, params)
        missing = [model for model in (f"{name}{level}" for level in levels) if model not in served]
        if served != ["model"] and missing:
            refuse(path, f"{place}.levels", missing[0], f"no model of {entry['family']}", served)


def _check_family(path: Path, place: str, entry: dict, params: dict) -> None:
    """A network for gray images restores luminance, and a gray set, one for colour, colour; not what it has seen."""
    family, source = params["families"][entry["family"]], params["degraded"][entry["degraded"]]
    dataset = params["downloads"][source["dataset"]]
    gray = params["protocols"][source["protocol"]]["colour"] == "luminance"
    found, expected = family["network"]["channels"], 1 if gray else dataset["channels"]
    if found != expected:
        line = f"{path}: '{place}.family' is {entry['family']!r}, {found} channels, on {entry['degraded']}"
        raise UserError(f"{line}, {expected} channels; choose a family or a set of the same kind")
    check_pair(path, place, entry, source["dataset"], family)
    if family["data"] in dataset.get("overlaps", []):
        line = f"{path}: '{place}.family' is {entry['family']!r}, trained on {family['data']}, which shares images with"
        raise UserError(f"{line} {source['dataset']}; choose another data set")


def _check_names(path: Path, params: dict) -> None:
    seen: dict[str, str] = {}
    for section in MEASURED:
        for key in params[section]:
            if key in seen:
                line = f"{path}: {key!r} stands in {seen[key]} and in {section}"
                raise UserError(f"{line}; rename one, they share a file")
            seen[key] = section


def _check_methods(path: Path, params: dict) -> None:
    """One method on one set is measured by one node, at any noise level."""
    seen: dict[tuple, str] = {}
    for section in MEASURED:
        for key, entry in params[section].items():
            subject = (_measured_set(params, entry), entry["method"])
            for sigma in entry.get("sigmas", entry.get("levels", ["every level"])):
                other = seen.get((*subject, sigma)) or seen.get((*subject, "every level"))
                if other:
                    line = f"{path}: '{section}.{key}.method' is {entry['method']!r}, as that of {other}"
                    raise UserError(f"{line}; give another name, or take one of them out")
            levels = entry.get("sigmas", entry.get("levels", ["every level"]))
            seen |= {(*subject, sigma): f"{section}.{key}" for sigma in levels}


def _measured_set(params: dict, entry: dict) -> object:
    """What tells a measured set from others in the results: its images, noisy or degraded, or those of a task."""
    if "degraded" in entry:
        return params["degraded"][entry["degraded"]]["dataset"]
    return entry.get("dataset") or (entry["task"], entry["data"])
