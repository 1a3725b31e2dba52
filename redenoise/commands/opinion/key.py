"""The key of a rating page: which method stands behind which code. Raters do not get it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.support.errors import UserError
from redenoise.support.files import read_json, sha256_file

FORMAT = 1  # of the key, the page and the files of the raters


@dataclass(frozen=True)
class Key:
    """A key as `build` writes it.

    Attributes:
        page: id of the page.
        scale, seed, sigma, commit: what it was made of.
        real_data: whether the images are the real test sets.
        methods: name to what it is, in the order of the figure.
        missing: name to why a method is not in the test.
        places: code of an image to (title of the set, item).
        panels: code of an image to {code of a picture: name of the method}.
        sha256: of the file.
    """

    page: str
    scale: str
    seed: int
    sigma: int
    commit: str
    real_data: bool
    methods: dict[str, str]
    missing: dict[str, str]
    places: dict[str, tuple[str, str]]
    panels: dict[str, dict[str, str]]
    sha256: str


def read(path: Path) -> Key:
    """Read a key; raises `UserError` if it is missing or not one."""
    if not path.is_file():
        raise UserError(f"{path}: no key; make the page first (redenoise opinion build), or name it with --key")
    found = read_json(path)
    try:
        return _parsed(found, sha256_file(path))
    except (KeyError, TypeError, AttributeError, ValueError):
        line = f"{path}: not the key of a rating page of format {FORMAT}"
        raise UserError(f"{line}; make the page again (redenoise opinion build)") from None


def _parsed(found: dict[str, Any], sha256: str) -> Key:
    if found["format"] != FORMAT:
        raise ValueError
    return Key(
        page=str(found["page"]),
        scale=str(found["scale"]),
        seed=int(found["seed"]),
        sigma=int(found["sigma"]),
        commit=str(found["commit"]),
        real_data=bool(found["real_data"]),
        methods={method["name"]: str(method["text"]) for method in found["methods"]},
        missing=dict(found["missing"]),
        places={image["code"]: (image["dataset"], image["item"]) for image in found["images"]},
        panels={
            image["code"]: {panel["code"]: panel["method"] for panel in image["panels"]} for image in found["images"]
        },
        sha256=sha256,
    )
