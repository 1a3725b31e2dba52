"""Taking an imported family back: its entry in params.yaml, its weights and their cards."""

from pathlib import Path
from typing import Any

from redenoise.commands.importing.entry import without_family
from redenoise.commands.release import cards
from redenoise.dag import paths
from redenoise.dag.config import PARAMS, load_config
from redenoise.dag.table import FIGURED_FAMILIES
from redenoise.support.errors import UserError, choices
from redenoise.support.files import all_or_nothing, write_text


def remove(name: str) -> str:
    """Take back all that `redenoise import` has written of a family; returns what to say about it.

    Raises:
        UserError: no family of this name was imported, or params.yaml still uses it; nothing has changed then.
    """
    params = load_config().params
    known = imported(params)
    if name not in known:
        names = choices(name, known) if known else "none is imported"
        raise UserError(f"--remove {name!r}: no family of that name was imported; {names}")
    if users := used_by(params, name):
        raise UserError(f"--remove {name!r}: {', '.join(users)} of {PARAMS} use it; take these entries out first")
    after = without_family(PARAMS.read_text(encoding="utf-8"), name)
    files = [path.with_suffix(suffix) for path in known[name] for suffix in (".safetensors", ".json")]
    with all_or_nothing([PARAMS, *files]):
        for path in files:
            path.unlink()
        write_text(PARAMS, after)
    return f"{PARAMS}: families.{name} is taken out; removed {', '.join(map(str, files))}"


def imported(params: dict[str, Any]) -> dict[str, list[Path]]:
    """The weights of every family all of whose cards say that they are its own and come from elsewhere."""
    sources = {(card["family"], card["model"]): "source" in card for card in cards()}
    found = {}
    for name, entry in params["families"].items():
        own = entry["weights"] == paths.RELEASED and entry.get("fitted") and entry["published"]
        models = list(entry["published"]) if own else []
        if models and all(sources.get((name, model)) for model in models):
            found[name] = [paths.WEIGHTS / f"{name}-{model}.safetensors" for model in models]
    return found


def used_by(params: dict[str, Any], name: str) -> list[str]:
    """The entries of params.yaml that name a family."""
    fields = {"evaluations": "family", "restorations": "family", "cascades": "initial", "recognitions": "denoiser"}
    users = [
        f"{section}.{key}"
        for section, field in fields.items()
        for key, entry in params[section].items()
        if entry[field] in (name, f"weights/{name}")
    ]
    return users + [f"figures.{field}" for field in FIGURED_FAMILIES if params["figures"][field] == name]
