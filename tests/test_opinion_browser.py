"""The rating page in a browser: by keyboard, by touch, closed in the middle, and what becomes of the files."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from redenoise.commands.opinion import command as stage
from redenoise.commands.opinion import ratings
from redenoise.commands.opinion.build import build
from redenoise.commands.opinion.methods import NAMES
from tests import accessibility
from tests.accessibility import violations
from tests.browser import Browser, install
from tests.opinion_project import FOLDER, make_project

PAGE = FOLDER / "opinion.html"
BACKSPACE = "\ue003"
SHIFT = 8  # in Chromium's own protocol
KEPT = "return Object.keys(localStorage)"
FOCUSED = "const e = document.activeElement; return e.id || `${e.closest('fieldset').dataset.panel} ${e.value}`"
SCORES = """return [...document.querySelectorAll("fieldset")].map(set => {
  const chosen = set.querySelector("input:checked");
  return chosen ? Number(chosen.value) : 0;
})"""
TITLE = "return document.querySelector('#rate-title').innerText"
REGIONS = """return [...document.querySelectorAll(".frame img")].map(image => {
  const { width, left, top } = image.style;
  return `${width} ${left} ${top}`;
})"""


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ratings.Key]:
    """The key of a page in the working directory of the module."""
    with pytest.MonkeyPatch.context() as patch:
        build(make_project(tmp_path_factory.mktemp("opinion"), patch), FOLDER, 0)
        yield ratings.read_key(FOLDER / "key.json")


@pytest.fixture(scope="module")
def window(key: ratings.Key, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One window for all tests, which saves into `saved/`."""
    install()
    browser = Browser(tmp_path_factory.mktemp("browser"))
    try:
        Path("saved").mkdir()
        where = {"behavior": "allow", "downloadPath": str(Path("saved").resolve())}
        browser.command("Browser.setDownloadBehavior", where)
        yield browser
    finally:
        browser.close()


@pytest.fixture
def page(window: Browser) -> Browser:
    """The page as a new rater finds it."""
    window.resize(1280, 800)
    window.open(PAGE)
    window.run("localStorage.clear()")
    window.open(PAGE)
    yield window
    assert window.complaints() == []


def start(page: Browser, name: str) -> None:
    """Give a name and begin, by keyboard."""
    for _ in range(3):  # past the list of keys
        if page.focused("id") != "rater":
            page.press("Tab")
    page.press(*name, "Enter")
    assert page.text("#rate-title") == "Image 1 of 10"


def rank(page: Browser, images: int, *scores: str) -> None:
    """Score the pictures of as many images, from the left to the right, and go on."""
    for _ in range(images):
        page.press(*scores, "Enter")


def save(page: Browser) -> Path:
    """Save the file and wait until it is there."""
    before = set(Path("saved").glob("*.json"))
    page.click("#save")
    page.wait("return document.querySelector('#saved').textContent.startsWith('Saved as')")
    for _ in range(600):
        if new := [path for path in Path("saved").glob("*.json") if path not in before]:
            return new[0]
        page.run_later("setTimeout(arguments[0], 50)")
    raise AssertionError("nothing was saved")


def test_three_raters_by_keyboard_one_closes_the_page_in_the_middle(page, key, capsys):
    start(page, "Ann")
    rank(page, 4, "4", "3", "2", "1")
    page.press("2", "4")
    before = page.run("return [...document.querySelectorAll('fieldset')].map(set => set.dataset.panel)")
    page.open(PAGE)  # from another page, as if it had been closed
    assert page.text("#rate-title") == "Image 5 of 10"
    assert page.run(SCORES) == [2, 4, 0, 0]
    assert page.run("return [...document.querySelectorAll('fieldset')].map(set => set.dataset.panel)") == before
    page.press("c", "1", "3", "Enter")
    rank(page, 5, "1", "2", "3", "4")
    assert page.focused("id") == "end-title"
    files = [save(page)]
    for name in ("Bob", "Cem"):
        page.run("document.querySelectorAll('#end details').forEach(part => { part.open = true; })")
        page.click("#anew")
        start(page, name)
        rank(page, 10, "2", "1", "4", "3")
        files.append(save(page))
    stage.main(["collect", "--scale", "demo", *map(str, files)])
    assert "opinion: 3 raters" in capsys.readouterr().out
    assert all(path.stat().st_size < 4096 for path in files)
    expected = [collected(path, key) for path in files]
    with Path("reports/opinion/demo.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["dataset"] == ""]
    assert [row["method"] for row in rows] == list(NAMES)
    for row in rows:
        assert float(row["value"]) == pytest.approx(sum(one[row["method"]] for one in expected) / 3, abs=1e-4)


def collected(path: Path, key: ratings.Key) -> dict[str, float]:
    """Mean score of each method in one file, read without the code that collects."""
    answers = json.loads(path.read_text(encoding="utf-8"))["answers"]
    totals = dict.fromkeys(NAMES, 0.0)
    for answer in answers:
        for code, score in zip(answer["shown"], answer["scores"], strict=True):
            totals[key.panels[answer["image"]][code]] += score / len(answers)
    return totals


def test_without_a_name_it_does_not_begin(page):
    page.click("#who button")
    assert "Please give a name" in page.text("#rater-why")
    assert page.focused("id") == "rater" and page.run("return document.querySelector('#rate').hidden")


def test_a_score_is_given_once_and_pictures_exchange_theirs(page):
    start(page, "Ann")
    page.press("1", "2")
    assert page.run(SCORES) == [1, 2, 0, 0]
    page.press("a", "2")  # the second picture gets the first one's
    assert page.run(SCORES) == [2, 1, 0, 0]
    page.press("d", "2")  # the fourth one has none to give
    assert page.run(SCORES) == [0, 1, 0, 2]
    assert page.text("#missing") == "Without a score: A, C"
    assert page.run("return document.querySelector('#next').disabled")
    page.press("Enter")
    assert page.text("#rate-title") == "Image 1 of 10"
    page.press("a", "4", "c", "3", "Enter")
    assert page.text("#rate-title") == "Image 2 of 10"
    page.press(BACKSPACE)
    assert page.run(SCORES) == [4, 1, 3, 2]


def test_tab_and_arrows_alone_reach_everything(page):
    start(page, "Ann")
    codes = page.run("return [...document.querySelectorAll('fieldset')].map(set => set.dataset.panel)")
    reached = []
    for _ in range(6):  # to go on is not possible yet
        page.press("Tab")
        reached.append(page.run(FOCUSED))
    assert reached == [*(f"{code} 1" for code in codes), "back", "zoom"]
    page.open(PAGE)
    page.press("Tab", "ArrowRight")
    assert page.run(SCORES) == [2, 0, 0, 0]
    assert page.run("return document.querySelector('#spoken').textContent").startswith("A: 2, B: no score")


def test_all_pictures_show_the_same_region_enlarged(page):
    start(page, "Ann")
    whole = page.run(REGIONS)
    page.press("z")
    middle = page.run(REGIONS)
    assert len(set(middle)) == 1 and middle != whole
    page.command("Input.dispatchKeyEvent", {"type": "keyDown", "key": "ArrowRight", "modifiers": SHIFT})
    moved = page.run(REGIONS)
    assert len(set(moved)) == 1 and moved != middle
    assert page.run("return document.querySelector('#zoom').getAttribute('aria-pressed')") == "true"
    page.press("z")
    assert page.run(REGIONS) == whole


def test_touch_on_a_phone(page):
    page.resize(360, 640)
    page.command("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        start(page, "Ann")
        for number in range(4):
            touch(page, f"fieldset:nth-of-type({number + 1}) label:nth-of-type({number + 1}) input")
        page.wait_for([1, 2, 3, 4], SCORES)  # a browser makes clicks of touches later
        touch(page, "fieldset:nth-of-type(2) .frame")
        page.wait("return document.querySelector('#zoom').ariaPressed === 'true'")
        assert len(set(page.run(REGIONS))) == 1 and not page.run(REGIONS)[0].startswith("100%")
        small = """return [...document.querySelectorAll('#rate button, #rate .scores label')].filter(
          part => part.getBoundingClientRect().height < 44 || part.getBoundingClientRect().width < 30).length"""
        assert page.run(small) == 0
        page.wait("return document.documentElement.scrollWidth <= 360")
        touch(page, "#next")
        page.wait_for("Image 2 of 10", TITLE)
    finally:
        page.command("Emulation.setTouchEmulationEnabled", {"enabled": False})


def touch(page: Browser, selector: str) -> None:
    """Touch the middle of an element."""
    middle = """const part = document.querySelector(arguments[0]);
      part.scrollIntoView({block: 'center'});
      const box = part.getBoundingClientRect();
      return {x: box.x + box.width / 2, y: box.y + box.height / 2}"""
    point = page.run(middle, selector)
    page.command("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    page.command("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_pictures_are_all_on_one_screen_of_a_desk(page):
    start(page, "Ann")
    for width, height in ((1280, 720), (1920, 1080), (1024, 768)):
        page.resize(width, height)
        page.wait_for([width, height], "return [innerWidth, innerHeight]")
        page.wait("return document.documentElement.scrollHeight <= innerHeight")
        page.wait("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_no_violation_of_accessibility(page: Browser, width: int, dark: bool):
    axe = accessibility.source()
    page.resize(width, 640, dark)
    assert violations(page, axe) == []
    start(page, "Ann")
    page.press("1", "3")
    assert violations(page, axe) == []
    page.press("2", "4", "Enter")
    rank(page, 9, "1", "2", "3", "4")
    page.run("document.querySelectorAll('#end details').forEach(part => { part.open = true; })")
    assert violations(page, axe) == []
    ground = page.run("return getComputedStyle(document.body).backgroundColor")
    page.resize(width, 640, not dark)
    page.wait("return getComputedStyle(document.body).backgroundColor !== arguments[0]", ground)


def test_nothing_is_asked_for_from_outside(page):
    page.requests()
    page.open(PAGE)
    start(page, "Ann")
    rank(page, 2, "1", "2", "3", "4")
    asked = [address for address in page.requests() if not address.startswith("data:")]
    assert asked == [PAGE.resolve().as_uri()]


def test_damaged_progress_begins_anew(page, key):
    (name,) = page.run(KEPT)
    assert name == f"redenoise-opinion-{key.page}"
    for damage in ("no JSON", "{}", "null", '{"session": 1}'):
        page.run("localStorage.setItem(arguments[0], arguments[1])", name, damage)
        page.open(PAGE)
        assert page.text("#start-title") == "What to do"
