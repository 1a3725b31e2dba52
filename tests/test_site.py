"""The site from hand-made results: pages, links, the facts behind a cell, what is done without the build."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redenoise.commands.site import facts, photos, pipeline
from redenoise.commands.site.book import load as load_book
from redenoise.commands.site.texts import page_of
from redenoise.dag import paths
from redenoise.dag.config import Config, load_config
from redenoise.document import store
from redenoise.support.errors import UserError
from stages.report.rows import STATUSES
from stages.report.tables import ALL_TABLES
from tests.conftest import ROOT
from tests.report_project import write_record
from tests.site_project import Page, check_links, first_items, make_reports, make_site

KODAK = "liu2020-table2_kodak.html"
HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Makes a project of a scale with reports and their build, once; to read or to copy."""
    found: dict[str, Path] = {}

    def project(scale: str) -> Path:
        if scale not in found:
            found[scale] = tmp_path_factory.mktemp(scale)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(found[scale])
                make_reports(found[scale], scale)
        return found[scale]

    return project


@pytest.fixture(scope="module", params=["bench", "demo"])
def made(request: pytest.FixtureRequest, projects: Callable[[str], Path]) -> Iterator[tuple[Config, Path]]:
    """Such a project, the working directory being its root, and its site; to read only."""
    folder = projects(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = load_config(request.param)
        make_site(config, folder / "site")
        yield config, folder / "site"


@pytest.fixture
def alone(tmp_path: Path, projects: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Config:
    """The reports of the scale bench without a build, as in a fresh clone, in the working directory; to change."""
    shutil.copytree(projects("bench"), tmp_path, ignore=shutil.ignore_patterns("build", "site"), dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return load_config("bench")


def change(path: str, *replaced: tuple[str, str]) -> None:
    """Replace texts in a file; each must be there."""
    text = Path(path).read_text(encoding="utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    Path(path).write_text(text, encoding="utf-8")


def test_every_link_leads_somewhere_and_nothing_is_asked_of_the_network(made):
    check_links(made[1])


def test_every_cell_of_the_csv_can_be_followed_to_command_data_and_commit(made):
    config, site = made
    for spec in ALL_TABLES:
        with (paths.reports(config.scale) / f"{spec.key}.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        page = Page(site / page_of(spec.key))
        cells, nodes = page.data["cell-data"]["cells"], page.data["cell-data"]["nodes"]
        assert [cell.get("reproduced", "") for cell in cells] == [row["reproduced"] for row in rows]
        assert [cell.get("printed", "") for cell in cells] == [row["published"] for row in rows]
        shown = re.findall(r'data-cell="(\d+)"><button', (site / page_of(spec.key)).read_text(encoding="utf-8"))
        assert set(map(int, shown)) == set(range(len(rows))), "a cell has no button"
        for cell, row in zip(cells, rows, strict=True):
            assert cell["status"] == row["status"]
            if row["reproduced"]:
                node = nodes[cell["node"]]
                assert node["command"].startswith(f"python -m stages.architecture --scale {config.scale}") or (
                    "--only" in node["command"]
                )
                assert dict(node["facts"])["commit"] == "0123456789abcdef"
                assert (site / node["page"]).is_file()


def test_a_cell_tells_how_it_was_measured_and_judged(made):
    config, site = made
    data = Page(site / KODAK).data["cell-data"]
    item = first_items(config)[0]
    dataset = "Kodak" if config.settings["real_data"] else "demo:Kodak"
    cell = next(cell for cell in data["cells"] if cell["title"] == f"{dataset}, {item}, σ = 25, DnCNN")
    assert cell["photo"] == f"{dataset}/{item}/25/DnCNN"
    node = data["nodes"][cell["node"]]
    assert node["command"] == f"python -m stages.evaluate --scale {config.scale} --only kodak-dncnn"
    name = "leakage-kodak-cbsd432"
    assert node["reads"] == [
        ["noisy images", "synthesize-kodak", "node-synthesize-kodak.html", "5e" * 32],
        ["images", "download-kodak", "node-download-kodak.html", "da" * 32],
        ["weights", "train-dncnn_color", "node-train-dncnn_color.html", "fe" * 32],
        ["check for test images in training sets", name, f"node-{name}.html", "1e" * 32],
    ]
    assert dict(node["facts"])["seed"] == "0 (noise); 0 (training of dncnn_color)"
    if config.settings["real_data"]:
        assert cell["tolerance"] == "0.105"
    else:
        assert "tolerance" not in cell


def test_bars_count_the_printed_cells(made):
    config, site = made
    text = (site / "index.html").read_text(encoding="utf-8")
    book = load_book(config)
    for spec in ALL_TABLES:
        printed = [value for value in book.documents[spec.key].values if value.printed]
        counts = {status: sum(value.status == status for value in printed) for status in STATUSES}
        label = ", ".join(f"{count} {status}" for status, count in counts.items())
        assert f'aria-label="{label}, of {sum(counts.values())} printed cells"' in text, spec.key


def test_node_pages_hold_inputs_with_whole_hashes_and_the_record(made):
    _, site = made
    page = Page(site / "node-evaluate-kodak-dncnn.html")
    assert "da" * 32 in page.text and "0123456789abcdef" in page.text
    assert {"node-download-kodak.html", KODAK, "data/provenance/evaluate-kodak-dncnn.json"} <= set(page.links)


def test_the_reports_alone_make_a_site_that_says_what_it_lacks(alone: Config):
    make_site(alone, Path("site"))
    check_links(Path("site"))
    images = Page(Path("site/images.html")).text
    assert "build/bench is not here or not finished" in images
    assert "Kodak: Kodak Lossless True Color Image Suite" in images and "from http://r0k.us/" in images
    assert "snakemake --cores all --config scale=bench redenoise site --scale bench" in images
    node = Page(Path("site/node-evaluate-kodak-dncnn.html"))
    assert "records are not whole" in node.text and not any("data/provenance" in link for link in node.links)
    assert ("da" * 32)[:16] in node.text and "da" * 32 not in node.text
    cells = Page(Path("site") / KODAK).data["cell-data"]
    assert {dict(node["facts"])["commit"] for node in cells["nodes"]} == {"0123456789ab"}
    digests = {digest for node in cells["nodes"] for *_, digest in node["reads"]}
    assert ("fe" * 32)[:16] in digests and all(re.fullmatch(r"([0-9a-f]{16})?", digest) for digest in digests)


def test_the_site_stays_small(alone: Config):
    make_site(alone, Path("site"))
    pages_alone = sum(path.stat().st_size for path in Path("site").rglob("*") if path.is_file())
    records = 2e6  # what a build adds to the pages of the nodes, and its provenance
    assert pages_alone + records + photos.BUDGET < 25e6


def test_a_build_that_the_reports_were_not_made_from_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = make_reports(tmp_path, "bench")
    write_record(config, "synthesize", "kodak", outputs={"build/bench/noisy/kodak": "cd" * 32})
    found = facts.load(config, pipeline.load(config))
    assert found.why_not == "synthesize-kodak has run again since reports/bench was made"
    assert found.records["evaluate-kodak-dncnn"]["commit"] == "0123456789ab"  # cut short, as the reports have it


def test_a_folder_that_is_no_site_is_left_alone_and_a_site_is_replaced(alone: Config):
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("my work")
    with pytest.raises(UserError, match="mine: holds something else than a site"):
        make_site(alone, Path("mine"))
    with pytest.raises(UserError, match="thesis.txt: a file"):
        make_site(alone, Path("mine/thesis.txt"))
    assert Path("mine/thesis.txt").read_text() == "my work"
    make_site(alone, Path("site"))
    Path("site/stale.html").write_text("old")
    make_site(alone, Path("site"))
    assert not Path("site/stale.html").exists() and Path("site/index.html").is_file()


@pytest.mark.usefixtures("alone")
def test_command_line():
    def command(*words: str) -> subprocess.CompletedProcess:
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        arguments = [sys.executable, "-m", "redenoise", *words]
        return subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)

    done = command("site", "--scale", "bench", "--output", "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("site: out/index.html (")
    assert "from the reports alone: build/bench is not here" in done.stdout
    lacking = command("site", "--scale", "paper")
    assert lacking.returncode == 1 and re.search(r"reports/paper/\w+/\w+\.json: missing", lacking.stderr)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"name": 3}'])
def test_a_damaged_page_is_refused(alone: Config, text: str):
    Path("reports/bench/liu2018/table1_kodak.json").write_text(text)
    with pytest.raises(UserError, match=r"table1_kodak.json: not a page of the report"):
        load_book(alone)


@pytest.mark.parametrize("name", ["averages.csv", "learning_curves.csv", "liu2018/table1_kodak.csv"])
def test_a_damaged_csv_file_is_refused(alone: Config, name: str):
    path = Path("reports/bench") / name
    path.write_text(path.read_text().replace(",", ',"', 1))
    with pytest.raises(UserError, match=rf"{name}: (not a CSV file|header is)"):
        load_book(alone)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda kept: kept | {"format": 1}, "format 1, expected 2"),
        (lambda kept: kept | {"values": {}}, "not the records of the report"),
        (lambda kept: kept | {"nodes": {"a": 3}}, "not the records of the report"),
    ],
)
def test_damaged_records_are_refused(alone: Config, change: Callable[[dict], dict], expected: str):
    path = Path("reports/bench/records.json")
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))))
    with pytest.raises(UserError, match=f"records.json: .*{expected}"):
        load_book(alone)


def test_text_of_the_reports_cannot_become_markup_or_lead_away(alone: Config):
    change("reports/bench/liu2020/table3_cbsd68.json", ("measured with CDnCNN-B", HOSTILE))
    change("reports/bench/learning_curves.csv", ("proposed,", '"<b id=""x"">$\\frac</b>",'))
    links = " ".join(
        f"[away]({to})" for to in ("https://example.org/x", "//example.org", "javascript:alert", "../../x")
    )
    picture = {"kind": "picture", "path": "https://example.org/x.png", "caption": "seen"}
    away = {"kind": "paragraph", "text": f"{links} [a paper](https://doi.org/1)"}
    notes = json.loads(Path("reports/bench/notes.json").read_text(encoding="utf-8"))
    notes["sections"].append({"heading": HOSTILE, "blocks": [away, picture]})
    Path("reports/bench/notes.json").write_text(json.dumps(notes), encoding="utf-8")
    make_site(alone, Path("site"))
    for path in Path("site").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script>|<b |example\.org\W*\"", text), path.name
        assert not [link for link in Page(path).links if re.match(r"(?!https://doi\.org/)\w+:|//|\.\.", link)], (
            path.name
        )
    page = Page(Path("site/notes.html"))
    assert "away away away away a paper" in page.text and "https://doi.org/1" in page.links
    assert "seen: not here" in page.text and page.sources == ["data:,", "assets/site.css", "assets/site.js"]
    cells = Page(Path("site/liu2020-table3_cbsd68.html")).data["cell-data"]["cells"]
    assert any(cell.get("note", "").startswith(HOSTILE) for cell in cells)
    assert "$\\frac" in Page(Path("site/training.html")).text


def test_the_opinion_test_has_a_page_where_the_reports_have_one(alone: Config):
    make_site(alone, Path("site"))
    page = Page(Path("site/opinion.html"))
    assert "no raters yet" in page.text and "opinion.html" in Page(Path("site/index.html")).links
    found = json.loads(Path("reports/opinion/bench.json").read_text(encoding="utf-8"))
    picture = {"kind": "picture", "path": "bench.svg", "caption": "Scores"}
    data = {"kind": "paragraph", "text": "[bench.csv](bench.csv)"}
    found["sections"] = [{"heading": "Scores", "blocks": [picture, data]}]
    Path("reports/opinion/bench.json").write_text(json.dumps(found), encoding="utf-8")
    Path("reports/opinion/bench.svg").write_text("<svg/>")
    make_site(alone, Path("site"))
    check_links(Path("site"))
    page = Page(Path("site/opinion.html"))
    assert "bench.svg" in page.sources and "data/bench.csv" in page.links
    Path("reports/opinion/bench.json").unlink()
    make_site(alone, Path("site"))
    check_links(Path("site"))
    assert not Path("site/opinion.html").exists()


def test_the_committed_reports_say_whether_there_are_raters():
    for scale in ("bench", "demo"):
        page = ROOT / f"reports/opinion/{scale}.md"
        raters = {row["raters"] for row in csv.DictReader(page.with_suffix(".csv").read_text().splitlines())}
        text = page.read_text(encoding="utf-8")
        assert ("no raters yet" in text) == (not raters), scale


def test_numbers_and_names_of_the_pages_lead_to_what_they_come_from(made):
    _, site = made
    expected = {
        "index.html": ("cells", "liu2020-table2_kodak.html"),
        "training.html": ("networks-of-the-tasks", "node-task-segmentation.html"),
        "provenance.html": ("nodes", "node-evaluate-kodak-dncnn.html"),
    }
    for name, (section, target) in expected.items():
        table = (site / name).read_text(encoding="utf-8").split(f'id="{section}"')[1].split("</table>")[0]
        assert f'<a href="{target}">' in table, f"{name}: {section}"


def test_a_number_of_the_overview_leads_to_the_window_of_its_cell(alone: Config):
    make_site(alone, Path("site"))
    shown = [link for link in Page(Path("site") / "index.html").links if "#cell-" in link]
    name, _, index = shown[0].partition("#cell-")
    text = (Path("site") / "index.html").read_text(encoding="utf-8").split(f'<a href="{shown[0]}">')[1].split("</a>")[0]
    value = Page(Path("site") / name).data["cell-data"]["cells"][int(index)]["reproduced"]
    assert text and float(value) == pytest.approx(float(text.split()[0]), abs=0.1), "the number that the link names"


def test_the_pages_of_the_site_are_those_of_the_report_in_full(made):
    config, site = made
    for name in ("training", "notes", "provenance"):
        text = Page(site / f"{name}.html").text
        headings = [part.heading for part in store.read(paths.reports(config.scale) / f"{name}.json").sections]
        assert headings and all(heading.replace("`", "") in text for heading in headings)
