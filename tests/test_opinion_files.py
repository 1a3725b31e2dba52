"""Raters' files: whatever is wrong with one is told in one line, and it is left out as a whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from redenoise.commands.opinion import ratings
from redenoise.commands.opinion.methods import NAMES
from tests.opinion_project import always, rating, write

FIRST, SECOND = "0" * 31 + "1", "0" * 31 + "2"


@pytest.fixture
def key() -> ratings.Key:
    """The key of a page of ten images that nobody has made."""
    images = [f"image{number}" for number in range(10)]
    return ratings.Key(
        page="0123456789ab",
        scale="demo",
        seed=0,
        sigma=50,
        commit="none",
        real_data=False,
        methods=dict.fromkeys(NAMES, "a method"),
        missing={},
        places={image: ("Kodak" if number < 5 else "CBSD68", str(number)) for number, image in enumerate(images)},
        panels={image: {f"{image}-{place}": name for place, name in enumerate(NAMES)} for image in images},
        sha256="0" * 64,
    )


def swapped(values: list) -> list:
    return [values[1], values[0], *values[2:]]


def changed(name: str, value: object) -> Callable[[dict], dict]:
    return lambda content: content | {name: value}


def first_answer(**changes: Callable) -> Callable[[dict], dict]:
    """Change the first image's answer: each argument is a function of the old value."""

    def change(content: dict) -> dict:
        answer = dict(content["answers"][0])
        answer |= {name: function(answer[name]) for name, function in changes.items()}
        return content | {"answers": [answer, *content["answers"][1:]]}

    return change


BAD = {
    "incomplete": (lambda c: c | {"answers": c["answers"][:7]}, "incomplete: 7 of 10 images are ranked"),
    "another page": (changed("page", "abc"), "of page 'abc', the key is of page"),
    "another format": (changed("format", 2), "no result of a rating page of format 1"),
    "a list": (lambda c: [c], "no result of a rating page"),
    "no name": (changed("rater", "  "), "rater is '  ', expected a name"),
    "a name of lines": (changed("rater", "a\nb"), "rater is 'a\\nb', expected a name"),
    "no session": (changed("session", "xyz"), "session is 'xyz', expected 32 hexadecimal digits"),
    "another session": (changed("session", SECOND), "the order of the images is not the one that the page showed"),
    "images moved": (lambda c: c | {"answers": swapped(c["answers"])}, "the order of the images is not the one"),
    "pictures moved": (first_answer(shown=swapped), "the order of the pictures is not the one that the page showed"),
    "unknown image": (first_answer(image=lambda _: "feed"), "image 'feed' is not on page"),
    "an image twice": (lambda c: c | {"answers": [c["answers"][0], *c["answers"]]}, "is there twice"),
    "unknown picture": (first_answer(shown=lambda codes: ["beef", *codes[1:]]), "code 'beef' is not on the page"),
    "a picture twice": (
        first_answer(shown=lambda codes: [codes[0], *codes[:3]]),
        "expected each of its 4 pictures once",
    ),
    "a score twice": (first_answer(scores=lambda _: [1, 1, 2, 3]), "scores are [1, 1, 2, 3], expected each of 1 to 4"),
    "scores as words": (first_answer(scores=lambda _: ["1", "2", "3", "4"]), "expected each of 1 to 4 once"),
    "scores as truths": (first_answer(scores=lambda _: [True, 2, 3, 4]), "expected each of 1 to 4 once"),
    "too few scores": (first_answer(scores=lambda _: [1, 2]), "expected each of 1 to 4 once"),
    "no answers": (changed("answers", None), "answers is no list of images"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_was_changed_is_refused_with_one_line(key, tmp_path, name):
    change, expected = BAD[name]
    refused(write(tmp_path / "bad.json", change(rating(key, FIRST, always(*NAMES), "A"))), key, expected)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"not JSON", "not JSON, expected a file saved by the rating page"),
        (b'{"format": 1', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 60000, "not JSON"),
        (b" " * 70000, "70000 bytes, expected at most 65536"),
    ],
)
def test_a_file_that_is_none_is_refused_with_one_line(key, tmp_path, data, expected):
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    refused(path, key, expected)


def refused(path: Path, key: ratings.Key, expected: str) -> None:
    found, problems = ratings.collect([path], key)
    assert found == [] and len(problems) == 1
    assert problems[0].startswith(f"{path}: ") and expected in problems[0] and "\n" not in problems[0]


def test_a_rating_that_comes_twice_is_refused(key, tmp_path):
    one = write(tmp_path / "one.json", rating(key, FIRST, always(*NAMES), "Ann B."))
    same = write(tmp_path / "same.json", rating(key, FIRST, always(*NAMES[::-1]), "Other"))
    name = write(tmp_path / "name.json", rating(key, SECOND, always(*NAMES), " ann  b."))
    found, problems = ratings.collect([one, same, name, tmp_path / "none.json"], key)
    assert [rating.path for rating in found] == [one]
    assert problems[0] == f"{same}: the same rating as {one}; leave one of the two out"
    assert problems[1].startswith(f"{name}: rater 'ann b.' has rated in {one} already")
    assert problems[2].startswith(f"{tmp_path / 'none.json'}: No such file")
