"""The files that raters send back, checked: a file is taken as a whole or not at all."""

import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redenoise.commands.opinion import order
from redenoise.support.errors import UserError
from redenoise.support.files import read_json, sha256_bytes, sha256_file

FORMAT = 1  # of the key, the page and the files of the raters
MAX_BYTES = 64 << 10  # a file of ten images has about 2 KB
SESSION = re.compile(r"[0-9a-f]{32}")
LONGEST_NAME = 40  # characters, as the page allows


@dataclass(frozen=True)
class Key:
    """The key of a rating page as `build` writes it: which method stands behind which code. Raters do not get it.

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


def read_key(path: Path) -> Key:
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


class Refused(Exception):
    """Why a file cannot be used: what was found, what was expected, what to do."""


@dataclass(frozen=True)
class Rating:
    """What one rater said.

    Attributes:
        path, sha256: the file.
        rater: the name that was given.
        session: the random number from which the orders were drawn.
        scores: code of an image to {name of the method: score}.
    """

    path: Path
    sha256: str
    rater: str
    session: str
    scores: dict[str, dict[str, int]]


def collect(files: list[Path], key: Key) -> tuple[list[Rating], list[str]]:
    """All files, in an order that does not depend on their names, and one line for each that was refused."""
    found: list[Rating] = []
    problems = []
    for path in files:
        try:
            rating = read(path, key)
            _refuse_twice(rating, found)
            found.append(rating)
        except Refused as refused:
            problems.append(f"{path}: {refused}")
    return sorted(found, key=lambda rating: rating.session), problems


def read(path: Path, key: Key) -> Rating:
    """One file; raises `Refused` if it is not the complete and unchanged result of the key's page."""
    data = _bytes(path)
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Refused("not JSON, expected a file saved by the rating page; ask for the file again") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Refused(f"no result of a rating page of format {FORMAT}; ask for the file that the page saved")
    if content.get("page") != key.page:
        line = f"of page {content.get('page')!r:.40}, the key is of page {key.page!r}"
        raise Refused(f"{line}; name the key of that page with --key, or leave the file out")
    rater, session = content.get("rater"), content.get("session")
    if not isinstance(rater, str) or not 1 <= len(rater.strip()) <= LONGEST_NAME or not rater.isprintable():
        raise Refused(
            f"rater is {rater!r:.60}, expected a name of 1 to {LONGEST_NAME} characters; ask for the file again"
        )
    if not isinstance(session, str) or not SESSION.fullmatch(session):
        raise Refused(f"session is {session!r:.60}, expected 32 hexadecimal digits; ask for the file again")
    scores = _scores(content.get("answers"), session, key)
    return Rating(path, sha256_bytes(data), " ".join(rater.split()), session, scores)


def _bytes(path: Path) -> bytes:
    try:
        if not stat.S_ISREG((found := path.stat()).st_mode):
            raise Refused("not a plain file; name one that the rating page saved")
        size = found.st_size
        if size > MAX_BYTES:
            raise Refused(f"{size} bytes, expected at most {MAX_BYTES}; this is no result of a rating page")
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{error.strerror}; correct the name") from None


def _scores(answers: Any, session: str, key: Key) -> dict[str, dict[str, int]]:
    """Scores of all images by method; raises `Refused` unless every image was rated as the page showed it."""
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        raise Refused("answers is no list of images; ask for the file that the page saved")
    images = [answer.get("image") for answer in answers]
    for image in images:
        if not isinstance(image, str) or image not in key.panels:
            raise Refused(f"image {image!r:.40} is not on page {key.page}; ask for the file that the page saved")
        if images.count(image) > 1:
            raise Refused(f"image {image} is there twice; ask for the file that the page saved")
    if len(images) < len(key.panels):
        line = f"incomplete: {len(images)} of {len(key.panels)} images are ranked"
        raise Refused(f"{line}; ask the rater to finish and to save again")
    if images != order.images(key.page, session, list(key.panels)):
        raise Refused("the order of the images is not the one that the page showed: the file was changed; leave it out")
    return {answer["image"]: _ranks(answer, session, key) for answer in answers}


def _ranks(answer: dict[str, Any], session: str, key: Key) -> dict[str, int]:
    """Scores of one image by method."""
    image, shown, scores = answer["image"], answer.get("shown"), answer.get("scores")
    panels = key.panels[image]
    codes = isinstance(shown, list) and all(isinstance(code, str) for code in shown)
    unknown = next((code for code in shown or () if code not in panels), None) if codes else shown
    if not isinstance(shown, list) or unknown or sorted(shown) != sorted(panels):
        what = f"code {unknown!r} is not on the page" if unknown else f"shown is {shown!r:.80}"
        raise Refused(f"image {image}: {what}; expected each of its {len(panels)} pictures once; leave the file out")
    if shown != order.panels(key.page, session, image, list(panels)):
        line = f"image {image}: the order of the pictures is not the one that the page showed"
        raise Refused(f"{line}: the file was changed; leave it out")
    wanted = list(range(1, len(panels) + 1))
    if not isinstance(scores, list) or {*map(type, scores)} != {int} or sorted(scores) != wanted:
        line = f"image {image}: scores are {scores!r:.60}, expected each of 1 to {len(panels)} once"
        raise Refused(f"{line}; ask the rater to save again")
    return {panels[code]: score for code, score in zip(shown, scores, strict=True)}


def _refuse_twice(rating: Rating, found: list[Rating]) -> None:
    for other in found:
        if rating.session == other.session:
            raise Refused(f"the same rating as {other.path}; leave one of the two out")
        if rating.rater.casefold() == other.rater.casefold():
            line = f"rater {rating.rater!r} has rated in {other.path} already"
            raise Refused(f"{line}; leave one out, or correct the name if these are two persons")
