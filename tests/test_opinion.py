"""The opinion test: the page and its key, the raters' files, the scores."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from redenoise.commands.opinion import command as stage
from redenoise.commands.opinion import order, ratings, scores
from redenoise.commands.opinion.build import build
from redenoise.commands.opinion.methods import NAMES, SIGMA, scaled
from redenoise.dag.config import Config
from redenoise.models.filters import bm3d
from redenoise.support.errors import UserError
from stages.filter.node import run as baseline
from tests.opinion_project import FOLDER, NOT_RELEASED, always, make_project, rating, without_cascade, write

FIRST, SECOND, THIRD = ("0" * 31 + digit for digit in "123")
REPORTS = Path("reports/opinion")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """A project with its page made, the working directory of the module; tests leave the page and the key alone."""
    with pytest.MonkeyPatch.context() as patch:
        config = make_project(tmp_path_factory.mktemp("opinion"), patch)
        build(config, FOLDER, 0)
        yield config


@pytest.fixture
def key(made: Config) -> ratings.Key:
    return ratings.read_key(FOLDER / "key.json")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A project of a test's own."""
    return make_project(tmp_path, monkeypatch)


def page_data(folder: Path = FOLDER) -> dict:
    """What the page holds."""
    text = (folder / "opinion.html").read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_five_images_of_each_set_with_all_four_methods(made, key):
    assert [dataset for dataset, _ in key.places.values()] == ["Kodak"] * 5 + ["CBSD68"] * 5
    assert len(set(key.places.values())) == 10
    assert all(sorted(panels.values()) == sorted(NAMES) for panels in key.panels.values())
    shown = {image["code"]: [panel["code"] for panel in image["panels"]] for image in page_data()["images"]}
    assert {code: sorted(panels) for code, panels in shown.items()} == {c: sorted(p) for c, p in key.panels.items()}
    assert len({code for panels in shown.values() for code in panels}) == 40


def test_the_page_needs_nothing_else_and_does_not_say_what_it_shows(made, key):
    text = (FOLDER / "opinion.html").read_text(encoding="utf-8")
    markup = re.sub(r"data:image/webp;base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.search(r"https?:|//[a-z]|\bsrc=|\bhref=|@import|url\(", markup)
    assert "default-src 'none'" in markup and "@@" not in markup
    hidden = [*NAMES, "BM3D", "Proposed", "Kodak", "CBSD68", *(item for _, item in key.places.values())]
    assert [word for word in hidden if re.search(rf"\b{re.escape(word)}\b", markup)] == []
    # A fixed place would give a method away to whoever rates twice.
    places = {tuple(panels.values()).index("CBM3D") for panels in key.panels.values()}
    assert len(places) > 1


def test_the_same_seed_gives_the_same_page_and_another_seed_another_one(project):
    made = [build(project, Path(name), seed) for name, seed in (("one", 0), ("two", 0), ("three", 1))]
    one, two, three = (Path(name, "opinion.html").read_bytes() for name in ("one", "two", "three"))
    assert one == two and made[0]["page"] == made[1]["page"]
    assert made[0]["page"] != made[2]["page"]
    codes = [{panel["code"] for image in entry["images"] for panel in image["panels"]} for entry in made]
    assert not codes[0] & codes[2]


def test_images_that_an_evaluation_has_kept_are_taken_up(project, monkeypatch):
    for key in ("kodak-cbm3d", "cbsd68-cbm3d"):
        baseline(project, key)
    monkeypatch.setattr(bm3d, "denoise", lambda noisy, sigma: pytest.fail("denoised again"))
    assert [entry["name"] for entry in build(project, FOLDER, 0)["methods"]] == list(NAMES)


def test_a_network_for_another_level_is_given_its_own_level():
    draw = np.random.default_rng(0)
    noisy = (127.5 + SIGMA * draw.standard_normal((64, 64, 3))).astype(np.float32)
    seen = []
    work = scaled(lambda image: seen.append(image) or image, np.float32(SIGMA / 45))
    assert np.abs(work(noisy) - noisy).max() < 1e-3
    assert seen[0].dtype == np.float32
    assert seen[0].std() == pytest.approx(noisy.std() * 45 / SIGMA, rel=1e-5)


def test_the_pair_with_and_without_guidance_has_one_level(made):
    methods = {method["name"]: method for method in json.loads((FOLDER / "key.json").read_text())["methods"]}
    levels = [methods[name]["parts"]["level"] for name in NAMES[2:]]
    assert levels == ["45", "45"] and "level" not in methods["DnCNN"]["parts"]


def test_a_method_that_cannot_run_stops_the_test_unless_it_is_left_out(project):
    without_cascade()
    expected = rf"^1 of the 4 methods .* at scale demo: {NAMES[3]}: {NOT_RELEASED}; .*--without-missing$"
    with pytest.raises(UserError, match=expected):
        stage.main(["build", "--scale", "demo"])
    assert not FOLDER.exists()
    stage.main(["build", "--scale", "demo", "--without-missing"])
    found = ratings.read_key(FOLDER / "key.json")
    assert list(found.methods) == list(NAMES[:3]) and list(found.missing) == [NAMES[3]]
    assert found.methods[NAMES[2]] == "family proposed, sigma 50"  # nothing to be paired with
    assert [len(image["panels"]) for image in page_data()["images"]] == [3] * 10


def test_a_new_page_does_not_take_the_key_of_one_that_is_being_rated(project):
    first = build(project, FOLDER, 0)["page"]
    build(project, FOLDER, 0)
    assert len(list(FOLDER.glob("key*.json"))) == 1
    second = build(project, FOLDER, 5)["page"]
    assert ratings.read_key(FOLDER / "key.json").page == second
    assert ratings.read_key(FOLDER / f"key-{first}.json").page == first


def test_without_data_the_line_says_what_to_do(project):
    with pytest.raises(UserError, match=r"build/bench/noisy/kodak: no noisy images; run `snakemake .*=bench` first"):
        stage.main(["build", "--scale", "bench"])


def test_orders_are_permutations_that_differ_between_raters():
    codes = [f"{number:02}" for number in range(10)]
    found = {tuple(order.images("page", f"{number:032x}", codes)) for number in range(50)}
    assert len(found) == 50 and {tuple(sorted(one)) for one in found} == {tuple(codes)}
    first = [order.panels("page", f"{number:032x}", "image", codes[:4])[0] for number in range(400)]
    assert min(first.count(code) for code in codes[:4]) > 70  # 100 are expected, 8.7 is the standard deviation


def test_scores_and_intervals_are_those_of_a_calculation_by_hand(key):
    a, b, c, d = NAMES
    found = [
        rated(key, FIRST, always(a, b, c, d)),
        rated(key, SECOND, always(a, b, d, c)),
        rated(key, THIRD, lambda method, number: always(a, b, c, d)(method, 0) if number < 5 else reverse(method)),
    ]
    table = {(one.dataset, one.item, one.method): one for one in scores.summarise(found, key)}
    overall = table["", "average", d]
    means = np.array([4, 3, (5 * 4 + 5 * 1) / 10])
    half = t.ppf(0.975, 2) * means.std(ddof=1) / np.sqrt(3)
    assert overall.mean == pytest.approx(means.mean())
    assert overall.low == pytest.approx(means.mean() - half) and overall.high == 4.0  # cut off at the best score
    assert table["Kodak", "average", d].mean == pytest.approx((4 + 3 + 4) / 3)
    assert table["CBSD68", "average", a].mean == pytest.approx((1 + 1 + 4) / 3)
    item = key.places[next(iter(key.places))][1]
    assert table["Kodak", item, b].mean == 2.0 and (table["Kodak", item, b].low, table["Kodak", item, b].high) == (2, 2)
    higher, bounds = scores.difference(found, key, d, c)
    assert higher == pytest.approx((1 - 1 + 0) / 3) and bounds[0] < 0 < bounds[1]


def reverse(method: str) -> int:
    return 4 - NAMES.index(method)


def rated(key: ratings.Key, session: str, rank, rater: str = "") -> ratings.Rating:
    return ratings.read(write(Path(f"{session}.json"), rating(key, session, rank, rater or session[-1])), key)


def test_collect_writes_page_table_and_figure(key, tmp_path, capsys):
    files = [
        write(tmp_path / f"{session}.json", rating(key, session, always(*names), f"Person {number}"))
        for number, (session, names) in enumerate(((FIRST, NAMES), (SECOND, NAMES), (THIRD, NAMES[::-1])))
    ]
    stage.main(["collect", "--scale", "demo", *map(str, files)])
    assert "opinion: 3 raters" in capsys.readouterr().out
    first = {path.name: path.read_bytes() for path in REPORTS.iterdir()}
    assert sorted(first) == ["demo.csv", "demo.json", "demo.md", "demo.pdf", "demo.svg"]
    rows = list(csv.DictReader(first["demo.csv"].decode().splitlines()))
    assert len(rows) == 4 * (1 + 2 + 10)
    assert rows[3] | {"low": "", "high": ""} == {
        "dataset": "", "item": "average", "condition": "sigma=50", "method": NAMES[3], "metric": "mos", "unit": "",
        "value": "3.0000", "low": "", "high": "", "spread": "1.4142", "raters": "3",
    }  # fmt: skip
    text = first["demo.md"].decode()
    assert "3 raters, 10 images" in text and key.page in text and "Demo scale" in text
    assert b"Person" not in b"".join(first.values())  # who it was stays in the raters' files
    stage.main(["collect", "--scale", "demo", *map(str, files[::-1])])
    assert {path.name: path.read_bytes() for path in REPORTS.iterdir()} == first


def test_one_rater_has_no_interval(key, tmp_path):
    path = write(tmp_path / "one.json", rating(key, FIRST, always(*NAMES), "A"))
    stage.main(["collect", "--scale", "demo", str(path)])
    assert re.search(rf"\| {NAMES[3]} +\|.*\| +4\.00 \| +- \|", (REPORTS / "demo.md").read_text(encoding="utf-8"))


def test_no_raters_no_figure(key, tmp_path):
    path = write(tmp_path / "one.json", rating(key, FIRST, always(*NAMES), "A"))
    stage.main(["collect", "--scale", "demo", str(path)])
    stage.main(["collect", "--scale", "demo"])
    assert sorted(path.name for path in REPORTS.iterdir()) == ["demo.csv", "demo.json", "demo.md"]
    text = (REPORTS / "demo.md").read_text(encoding="utf-8")
    assert "no raters yet" in text and "demo.svg" not in text
    assert (REPORTS / "demo.csv").read_text(encoding="utf-8").count("\n") == 1


def test_one_bad_file_stops_all_and_nothing_is_written(key, tmp_path, capsys):
    good = write(tmp_path / "good.json", rating(key, FIRST, always(*NAMES), "A"))
    bad = write(tmp_path / "bad.json", {})
    with pytest.raises(UserError, match="^1 of 2 files refused, nothing written"):
        stage.main(["collect", "--scale", "demo", "--output", str(tmp_path / "out"), str(good), str(bad)])
    assert capsys.readouterr().err.startswith(f"refused: {bad}: ") and not (tmp_path / "out").exists()


def test_a_key_of_another_scale_or_a_damaged_one_is_refused(key, tmp_path):
    good = write(tmp_path / "good.json", rating(key, FIRST, always(*NAMES), "A"))
    command = ["collect", "--scale", "bench", str(good)]
    with pytest.raises(UserError, match=r"build/bench/opinion/key.json: no key; make the page first"):
        stage.main(command)
    with pytest.raises(UserError, match="the key is of scale demo, not bench"):
        stage.main([*command, "--key", str(FOLDER / "key.json")])
    damaged = write(tmp_path / "key.json", {"format": 1, "page": "x"})
    with pytest.raises(UserError, match="not the key of a rating page"):
        stage.main([*command, "--key", str(damaged)])
