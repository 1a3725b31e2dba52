"""Checks of params.yaml and scales that no schema can make: names that must stand elsewhere, entries that must fit."""

import math
from collections.abc import Iterable
from pathlib import Path

from redenoise.dag import options, paths
from redenoise.dag.levels import level_ranges, model_names
from redenoise.dag.pairs import check_pair, check_pairs
from redenoise.dag.table import FIGURED_FAMILIES, FIGURED_SETS, FIGURED_TASKS
from redenoise.support.errors import UserError, choices

# What the sources of labelled images have: their task, and their splits.
LABELLED = {
    "imagenet": ("classification", ("train", "val")), "voc": ("segmentation", ("train_aug", "val")),
    "imagenet_1300": ("classification", ("val",)), "imagenet_1000": ("classification", ("train",)),
    "camvid": ("segmentation", ("train", "val", "test")),
}  # fmt: skip


def check_references(params: dict, path: Path) -> None:
    """Raise `UserError` for the first entry of a schema-checked params.yaml that does not fit the others."""
    for key in params["noisy"]:
        check_download(path, params["downloads"], f"noisy.{key}", key, "images")
    _check_downloads(path, params["downloads"])
    _check_families(path, params)
    _check_measurements(path, params)
    check_pairs(path, params)
    _check_labelled(path, params)
    _check_tasks(path, params)
    _check_cascades(path, params)
    _check_figures(path, params)
    _check_miniatures(path, params)


def check_scale(settings: dict, params: dict, path: Path) -> None:
    """Raise `UserError` for the first entry of a schema-checked scale that does not fit params.yaml."""
    for part in ("training", "tasks", "cascades"):
        if (name := (settings[part] or {}).get("schedule")) is not None:
            check_name(path, f"{part}.schedule", name, "schedules of params.yaml", params["schedules"])
    for family in (settings["training"] or {}).get("leaves_out", []):
        check_name(path, "training.leaves_out", family, "families of params.yaml", params["families"])
    known = {option for name in options.names("denoisers") for option in options.of("denoisers", name)}
    for option in (settings["training"] or {}).get("variants", {}):
        check_name(path, "training.variants", option, "the options of any denoiser", known)


def _check_downloads(path: Path, downloads: dict) -> None:
    stores = sorted(path.stem for path in paths.MANIFESTS.glob("*.csv"))
    for key, entry in downloads.items():
        if entry["store"] not in stores:
            place = f"downloads.{key}.store"
            refuse(path, place, entry["store"], f"no list of {paths.MANIFESTS}", stores)
        for other in entry.get("overlaps", []):
            check_download(path, downloads, f"downloads.{key}.overlaps", other, "images")


def _check_families(path: Path, params: dict) -> None:
    downloads = params["downloads"]
    for key, family in params["families"].items():
        _check_network(path, f"families.{key}.network", family["network"], "denoisers")
        _check_network(
            path, f"families.{key}.variants", family.get("variants", {}), "denoisers", name=family["network"]["name"]
        )
        check_download(path, downloads, f"families.{key}.data", family["data"], "images")
        check_download(path, downloads, f"families.{key}.validation", family["validation"], "images")
        if family["weights"] != paths.RELEASED:
            check_download(path, downloads, f"families.{key}.weights", family["weights"], "weights")
        if family["schedule"] not in params["schedules"]:
            refuse(path, f"families.{key}.schedule", family["schedule"], "no entry of schedules", params["schedules"])
        _check_family(path, key, family, downloads[family["data"]])


def _check_measurements(path: Path, params: dict) -> None:
    downloads, families = params["downloads"], params["families"]
    for section in ("evaluations", "filters"):
        for key, entry in params[section].items():
            if entry["dataset"] not in params["noisy"]:
                refuse(path, f"{section}.{key}.dataset", entry["dataset"], "no entry of noisy", params["noisy"])
    for section in ("filters", "filtered_recognitions"):
        for key, entry in params[section].items():
            if entry["filter"] not in (known := options.names("filters")):
                place = f"{section}.{key}.filter"
                refuse(path, place, entry["filter"], "no module of redenoise/models/filters with denoise()", known)
    for key, run in params["evaluations"].items():
        if run["family"] not in families:
            refuse(path, f"evaluations.{key}.family", run["family"], "no entry of families", families)
        _check_run(path, key, run, families[run["family"]], downloads[run["dataset"]])
        known = params["noisy"][run["dataset"]]["sigmas"]
        check_levels(path, f"evaluations.{key}.sigmas", run.get("sigmas", []), f"noisy.{run['dataset']}", known)


def _check_labelled(path: Path, params: dict) -> None:
    for key, entry in params["labelled"].items():
        task, splits = LABELLED[entry["source"]]
        check_name(path, f"labelled.{key}.task", entry["task"], f"{entry['source']}, which is for {task}", [task])
        check_name(path, f"labelled.{key}.split", entry["split"], entry["source"], splits)


def _check_miniatures(path: Path, params: dict) -> None:
    for name, changes in params["miniatures"].items():
        _check_network(path, f"miniatures.{name}", changes, "denoisers", "recognizers", name=name)
    for entry in (*params["families"].values(), *params["tasks"].values()):
        if (name := entry["network"]["name"]) not in params["miniatures"]:
            line = f"{path}: miniatures has no entry {name!r}"
            raise UserError(f"{line}; add `{name}: {{}}`, or smaller options for demo")


def _check_tasks(path: Path, params: dict) -> None:
    """Tasks, and what is trained or measured with them: every name stands where it should, and the kinds fit."""
    tasks, labelled = params["tasks"], params["labelled"]
    for key, task in tasks.items():
        check_name(path, f"tasks.{key}.data", task["data"], "labelled", labelled)
        check_name(path, f"tasks.{key}.schedule", task["schedule"], "schedules", params["schedules"])
        _check_network(path, f"tasks.{key}.network", task["network"], "recognizers")
        if task.get("crop", 0) > task.get("resize", math.inf):
            line = f"{path}: 'tasks.{key}.crop' is {task['crop']}, more than `resize`, {task['resize']}"
            raise UserError(f"{line}; give a smaller side")
        if (folder := task["start"]).startswith("data/") and folder != f"data/{paths.RELEASED}":
            check_download(path, params["downloads"], f"tasks.{key}.start", folder.removeprefix("data/"), "weights")
        _check_start(path, key, tasks)
    for section in ("cascades", "recognitions", "filtered_recognitions"):
        for key, entry in params[section].items():
            place = f"{section}.{key}"
            check_name(path, f"{place}.task", entry["task"], "tasks", tasks)
            check_name(path, f"{place}.data", entry["data"], "labelled", labelled)
            found, wanted = (labelled[name]["task"] for name in (entry["data"], tasks[entry["task"]]["data"]))
            if found != wanted:
                line = f"{path}: '{place}.data' is {entry['data']!r}, a set for {found}, but its task is {wanted}"
                raise UserError(f"{line}; choose data of the same kind")


def _check_start(path: Path, key: str, tasks: dict) -> None:
    """A chain of tasks, each of which starts from another one, has an end."""
    chain = [key]
    while (start := tasks[chain[-1]]["start"]).startswith("tasks/"):
        name = start.removeprefix("tasks/")
        check_name(path, f"tasks.{chain[-1]}.start", name, "tasks", [other for other in tasks if other != chain[-1]])
        if name in chain:
            line = f"{path}: 'tasks.{key}.start' goes in a circle, {' from '.join([*chain, name])}"
            raise UserError(f"{line}; let one of them start from no_weights.txt")
        chain.append(name)


def _check_cascades(path: Path, params: dict) -> None:
    """Cascades and recognitions against the denoisers that they start from and use."""
    families, tasks = params["families"], params["tasks"]
    for key, cascade in params["cascades"].items():
        initial = cascade["initial"]
        check_name(path, f"cascades.{key}.schedule", cascade["schedule"], "schedules", params["schedules"])
        check_name(path, f"cascades.{key}.initial", initial, "families", families)
        _check_color(path, f"cascades.{key}.initial", initial, families)
        known = families[initial].get("sigmas", [])
        check_levels(path, f"cascades.{key}.sigmas", cascade["sigmas"], f"families.{initial}", known)
        _check_published(path, f"cascades.{key}.published", cascade)
    for key, entry in params["recognitions"].items():
        folder, name = entry["denoiser"].split("/")
        section = {"weights": "families", "cascades": "cascades"}[folder]
        check_name(path, f"recognitions.{key}.denoiser", name, section, params[section])
        if section == "families":
            _check_color(path, f"recognitions.{key}.denoiser", name, families)
        levels = entry.get("sigmas", tasks[entry["task"]]["sigmas"])
        known = params[section][name].get("sigmas", levels)
        check_levels(path, f"recognitions.{key}", levels, f"{section}.{name}", known)


def _check_figures(path: Path, params: dict) -> None:
    """What the figures show stands where it should, and is of the right kind."""
    shown, families = params["figures"], params["families"]
    for task, kind in FIGURED_TASKS.items():
        for field, section in (("data", "labelled"), ("task", "tasks"), ("joint", "cascades")):
            check_name(path, f"figures.{task}.{field}", shown[task][field], section, params[section])
        found = params["labelled"][shown[task]["data"]]["task"]
        if found != kind:
            line = f"{path}: 'figures.{task}.data' is {shown[task]['data']!r}, a set for {found}"
            raise UserError(f"{line}; choose one for {kind}")
    for field in FIGURED_FAMILIES:
        check_name(path, f"figures.{field}", shown[field], "families", families)
    for field in ("separate", "blind"):
        _check_color(path, f"figures.{field}", shown[field], families)
    for field in FIGURED_SETS:
        check_download(path, params["downloads"], f"figures.{field}", shown[field], "images")


def _check_color(path: Path, place: str, family: str, families: dict) -> None:
    if families[family]["network"]["channels"] != 3:
        color = [name for name, entry in families.items() if entry["network"]["channels"] == 3]
        refuse(path, place, family, "no family for colour images", color)


def check_levels(path: Path, place: str, levels: list, of: str, known: list) -> None:
    for sigma in levels:
        if sigma not in known:
            refuse(path, place, sigma, f"no level of {of}", known)


def check_name(path: Path, place: str, name: str, section: str, known: Iterable[str]) -> None:
    if name not in known:
        refuse(path, place, name, f"no entry of {section}", known)


def check_download(path: Path, downloads: dict, place: str, name: str, kind: str) -> None:
    known = [key for key, entry in downloads.items() if entry["kind"] == kind]
    if name not in known:
        refuse(path, place, name, f"no entry of downloads of kind {kind}", known)


def _check_network(path: Path, place: str, network: dict, *folders: str, name: str = "") -> None:
    """A network's module and its options; whether their values fit each other is seen when it is built.

    Args:
        place: of `network` in the file.
        name: of the module where `network` holds only options.
    """
    found = name or network["name"]
    folder = next((folder for folder in folders if found in options.names(folder)), None)
    if folder is None:
        where = " or redenoise/models/".join(folders)
        spot = place if name else f"{place}.name"
        refuse(path, spot, found, f"no module of redenoise/models/{where} with build()", options.names(*folders))
    known = [*([] if name else ["name"]), *options.of(str(folder), found)]
    unknown = [key for key in network if key not in known]
    if options.of(str(folder), found) and unknown:
        raise UserError(f"{path}: unknown key '{place}.{unknown[0]}'; {choices(unknown[0], known)}")


def _check_family(path: Path, key: str, family: dict, data: dict) -> None:
    """A family's own fields against each other, and against its training set."""
    channels = family["network"]["channels"]
    if channels != data["channels"] and not family.get("fitted"):  # such a fit may take colour images as gray ones
        line = f"{path}: 'families.{key}' has {channels} channels, its data {data['channels']}"
        raise UserError(f"{line}; choose training images of the same kind")
    of_levels = "level_ranges" if "level_ranges" in family else "level_range"
    spans = [("sigma_range", family.get("sigma_range", [])), *((of_levels, span) for span in level_ranges(family))]
    for name, levels in spans:
        if sorted(levels) != levels:
            raise UserError(f"{path}: 'families.{key}.{name}' is {levels}; give the lower level first")
    _check_published(path, f"families.{key}.published", family)


def _check_published(path: Path, place: str, entry: dict) -> None:
    for model in entry.get("published", {}):
        if model not in model_names(entry):
            refuse(path, place, model, "no model of the entry", model_names(entry))


def _check_run(path: Path, key: str, run: dict, family: dict, dataset: dict) -> None:
    """A learned denoiser against the data set that it is tested on."""
    place = f"{path}: 'evaluations.{key}' tests {run['family']}"
    channels = 3 if run.get("by_channel") and family["network"]["channels"] == 1 else family["network"]["channels"]
    if channels != dataset["channels"]:
        line = f"{place}, {channels} channels, on {run['dataset']}, {dataset['channels']} channels"
        raise UserError(f"{line}; choose a family of the same kind, or take a gray one `by_channel: true`")
    if "variants" in family:
        raise UserError(f"{place}, which has networks of different options; choose a family without `variants`")
    check_pair(path, f"evaluations.{key}", run, run["dataset"], family)
    if family["data"] in dataset.get("overlaps", []):
        line = f"{place}, trained on {family['data']}, on {run['dataset']}, which shares images with it"
        raise UserError(f"{line}; choose another data set")


def refuse(path: Path, place: str, found: object, problem: str, known: Iterable[str]) -> None:
    raise UserError(f"{path}: {place!r} is {found!r}, which is {problem}; {choices(found, known)}")
