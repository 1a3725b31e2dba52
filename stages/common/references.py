"""Checks of params.yaml that no schema can make: names that must stand elsewhere, entries that must fit together."""

from collections.abc import Iterable
from pathlib import Path

from stages.common import paths
from stages.common.errors import UserError, choices

NETWORKS = Path(__file__).resolve().parents[1] / "networks"


def check_references(params: dict, path: Path) -> None:
    """Raise `UserError` for the first entry of a schema-checked params.yaml that does not fit the others."""
    downloads, families = params["downloads"], params["families"]
    for key in params["noisy"]:
        _check_download(path, downloads, f"noisy.{key}", key, "images")
    for key, entry in downloads.items():
        for other in entry.get("overlaps", []):
            _check_download(path, downloads, f"downloads.{key}.overlaps", other, "images")
    for key, family in families.items():
        _check_network(path, key, family["network"]["name"])
        _check_download(path, downloads, f"families.{key}.data", family["data"], "images")
        _check_download(path, downloads, f"families.{key}.validation", family["validation"], "images")
        if family["weights"] != paths.RELEASED:
            _check_download(path, downloads, f"families.{key}.weights", family["weights"], "weights")
        if family["schedule"] not in params["schedules"]:
            _refuse(path, f"families.{key}.schedule", family["schedule"], "no entry of schedules", params["schedules"])
        _check_family(path, key, family, downloads[family["data"]])
    for section in ("evaluations", "baselines"):
        for key, entry in params[section].items():
            if entry["dataset"] not in params["noisy"]:
                _refuse(path, f"{section}.{key}.dataset", entry["dataset"], "no entry of noisy", params["noisy"])
    for key, run in params["evaluations"].items():
        if run["family"] not in families:
            _refuse(path, f"evaluations.{key}.family", run["family"], "no entry of families", families)
        _check_run(path, key, run, families[run["family"]], downloads[run["dataset"]])
        for sigma in run.get("sigmas", []):
            if sigma not in params["noisy"][run["dataset"]]["sigmas"]:
                known = params["noisy"][run["dataset"]]["sigmas"]
                _refuse(path, f"evaluations.{key}.sigmas", sigma, f"no level of noisy.{run['dataset']}", known)
    _check_names(path, params)
    _check_tasks(path, params)


# Sections whose nodes write build/<scale>/results/<key>.csv.
MEASURED = ("evaluations", "baselines", "recognitions", "recognition_baselines")


def _check_names(path: Path, params: dict) -> None:
    seen: dict[str, str] = {}
    for section in MEASURED:
        for key in params[section]:
            if key in seen:
                line = f"{path}: {key!r} stands in {seen[key]} and in {section}"
                raise UserError(f"{line}; rename one, they share a file")
            seen[key] = section


def _check_tasks(path: Path, params: dict) -> None:
    """Tasks, cascades and recognitions: every name stands where it should, and the kinds fit."""
    tasks, labelled, families = params["tasks"], params["labelled"], params["families"]
    for key, task in tasks.items():
        _check_name(path, f"tasks.{key}.data", task["data"], "labelled", labelled)
        _check_name(path, f"tasks.{key}.schedule", task["schedule"], "schedules", params["schedules"])
        folder, _, name = task["start"].partition("/")
        if folder == "tasks":
            _check_name(path, f"tasks.{key}.start", name, "tasks", [other for other in tasks if other != key])
    for section in ("cascades", "recognitions", "recognition_baselines"):
        for key, entry in params[section].items():
            place = f"{section}.{key}"
            _check_name(path, f"{place}.task", entry["task"], "tasks", tasks)
            _check_name(path, f"{place}.data", entry["data"], "labelled", labelled)
            found, wanted = (labelled[name]["task"] for name in (entry["data"], tasks[entry["task"]]["data"]))
            if found != wanted:
                line = f"{path}: '{place}.data' is {entry['data']!r}, a set for {found}, but its task is {wanted}"
                raise UserError(f"{line}; choose data of the same kind")
    for key, cascade in params["cascades"].items():
        _check_name(path, f"cascades.{key}.schedule", cascade["schedule"], "schedules", params["schedules"])
        _check_name(path, f"cascades.{key}.initial", cascade["initial"], "families", families)
        for sigma in cascade["sigmas"]:
            known = families[cascade["initial"]].get("sigmas", [])
            if sigma not in known:
                initial = cascade["initial"]
                _refuse(path, f"cascades.{key}.sigmas", sigma, f"no level of families.{initial}", known)
    for key, entry in params["recognitions"].items():
        folder, name = entry["denoiser"].split("/")
        section = {"weights": "families", "cascades": "cascades"}[folder]
        _check_name(path, f"recognitions.{key}.denoiser", name, section, params[section])


def _check_name(path: Path, place: str, name: str, section: str, known: Iterable[str]) -> None:
    if name not in known:
        _refuse(path, place, name, f"no entry of {section}", known)


def model_names(family: dict) -> list[str]:
    """Names of a family's networks: one for each noise level, or one that serves a range."""
    return [f"sigma{sigma:g}" for sigma in family["sigmas"]] if "sigmas" in family else ["model"]


def noise_ranges(family: dict) -> dict[str, list]:
    """Lowest and highest noise level of each of a family's networks, by its name."""
    levels = [[sigma, sigma] for sigma in family.get("sigmas", ())] or [family["sigma_range"]]
    return dict(zip(model_names(family), levels, strict=True))


def _check_download(path: Path, downloads: dict, place: str, name: str, kind: str) -> None:
    known = [key for key, entry in downloads.items() if entry["kind"] == kind]
    if name not in known:
        _refuse(path, place, name, f"no entry of downloads of kind {kind}", known)


def _check_network(path: Path, key: str, name: str) -> None:
    """A network's module; whether it defines one is seen when it is built."""
    if not (NETWORKS / f"{name}.py").is_file():
        known = sorted(file.stem for file in NETWORKS.glob("*.py") if "def build(" in file.read_text(encoding="utf-8"))
        _refuse(path, f"families.{key}.network.name", name, "no module of stages/networks", known)


def _check_family(path: Path, key: str, family: dict, data: dict) -> None:
    """A family's own fields against each other, and against its training set."""
    channels = family["network"]["channels"]
    if channels != data["channels"]:
        line = f"{path}: 'families.{key}' has {channels} channels, its data {data['channels']}"
        raise UserError(f"{line}; choose training images of the same kind")
    levels = family.get("sigma_range", [])
    if sorted(levels) != levels:
        raise UserError(f"{path}: 'families.{key}.sigma_range' is {levels}; give the lower level first")
    for model in family["published"]:
        if model not in model_names(family):
            _refuse(path, f"families.{key}.published", model, "no model of the family", model_names(family))


def _check_run(path: Path, key: str, run: dict, family: dict, dataset: dict) -> None:
    """A learned denoiser against the data set that it is tested on."""
    place = f"{path}: 'evaluations.{key}' tests {run['family']}"
    channels = family["network"]["channels"]
    if channels != dataset["channels"]:
        line = f"{place}, {channels} channels, on {run['dataset']}, {dataset['channels']} channels"
        raise UserError(f"{line}; choose a family of the same kind")
    if family["data"] in dataset.get("overlaps", []):
        line = f"{place}, trained on {family['data']}, on {run['dataset']}, which shares images with it"
        raise UserError(f"{line}; choose another data set")


def _refuse(path: Path, place: str, found: str, problem: str, known: Iterable[str]) -> None:
    raise UserError(f"{path}: {place!r} is {found!r}, which is {problem}; {choices(found, known)}")
