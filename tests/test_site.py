"""The site from hand-made results: pages, links, the facts behind a cell, what is done without the build."""

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from redenoise.commands.site import facts, pages, photos, pipeline
from redenoise.commands.site.links import table_page
from redenoise.dag import paths
from redenoise.dag.config import Config, load
from redenoise.support.errors import UserError
from stages.report.node import COMMANDS
from stages.report.tables import ALL_TABLES
from tests.conftest import ROOT
from tests.site_project import Page, first_items, make_reports, make_site

KODAK = "liu2020-table2_kodak.html"


@pytest.fixture(scope="module", params=["bench", "demo"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Config, Path]]:
    """A project with reports and their build, the working directory being its root, and its site; to read only."""
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = make_reports(folder, request.param)
        make_site(config, folder / "site")
        yield config, folder / "site"


def pages_of(site: Path) -> dict[str, Page]:
    return {path.name: Page(path) for path in sorted(site.glob("*.html"))}


def check_links(site: Path) -> None:
    """Every link and every file that a page names is there; nothing is asked of the network."""
    found = pages_of(site)
    for name, page in found.items():
        assert len(page.ids) == len(set(page.ids)), f"{name}: an id occurs twice"
        for source in page.sources:
            assert source == "data:," or (site / source).is_file(), f"{name}: {source}"
        for link in page.links:
            if link.startswith("https://doi.org/"):
                continue
            target, _, anchor = link.partition("#")
            assert (site / target).is_file() if target else True, f"{name}: {link}"
            if anchor and target in ("", *found):
                assert unquote(anchor) in found[target or name].ids, f"{name}: {link}"
    styles = "".join(path.read_text(encoding="utf-8") for path in (site / "assets").iterdir())
    assert not re.search(r"https?://|url\(|@import|\bfetch\(|XMLHttpRequest", styles)


def test_every_link_leads_somewhere_and_nothing_is_asked_of_the_network(made):
    check_links(made[1])


def test_every_cell_of_the_csv_can_be_followed_to_command_data_and_commit(made):
    config, site = made
    for spec in ALL_TABLES:
        with (paths.reports(config.scale) / f"{spec.key}.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        page = Page(site / table_page(spec.key))
        cells, nodes = page.data["cells"]["cells"], page.data["cells"]["nodes"]
        assert [cell.get("reproduced", "") for cell in cells] == [row["reproduced"] for row in rows]
        assert [cell.get("printed", "") for cell in cells] == [row["published"] for row in rows]
        shown = re.findall(r'data-cell="(\d+)"><button', (site / table_page(spec.key)).read_text(encoding="utf-8"))
        assert set(map(int, shown)) == set(range(len(rows))), "a cell has no button"
        for cell, row in zip(cells, rows, strict=True):
            assert cell["status"] == row["status"]
            if row["reproduced"]:
                node = nodes[cell["node"]]
                assert node["command"].startswith(f"python -m stages.architecture.node --scale {config.scale}") or (
                    "--only" in node["command"]
                )
                assert dict(node["facts"])["commit"] == "0123456789abcdef"
                assert (site / node["page"]).is_file()


def test_a_cell_tells_how_it_was_measured_and_judged(made):
    config, site = made
    data = Page(site / KODAK).data["cells"]
    item = first_items(config)[0]
    dataset = "Kodak" if config.settings["real_data"] else "demo:Kodak"
    cell = next(cell for cell in data["cells"] if cell["title"] == f"{dataset}, {item}, σ = 25, DnCNN")
    assert cell["photo"] == f"{dataset}/{item}/25/DnCNN"
    node = data["nodes"][cell["node"]]
    assert node["command"] == f"python -m stages.evaluate --scale {config.scale} --only kodak-dncnn"
    assert node["reads"] == [
        ["noisy images", "synthesize-kodak", "node-synthesize-kodak.html", "5e" * 32],
        ["images", "download-kodak", "node-download-kodak.html", "da" * 32],
        ["weights", "train-dncnn_color", "node-train-dncnn_color.html", "fe" * 32],
    ]
    assert dict(node["facts"])["seed"] == "0 (noise)"
    if config.settings["real_data"]:
        assert cell["tolerance"] == "0.105"
    else:
        assert "tolerance" not in cell


def test_bars_count_the_printed_cells(made):
    config, site = made
    text = (site / "index.html").read_text(encoding="utf-8")
    book = pages.load(config)
    for spec in ALL_TABLES:
        counts = [sum(cell.status == status for cell in book.tables[spec.key] if cell.published)
                  for status in ("reproduced", "off", "not run")]  # fmt: skip
        label = "{} reproduced, {} off, {} not run".format(*counts)
        assert f'aria-label="{label}, of {sum(counts)} printed cells"' in text, spec.key


def test_node_pages_hold_inputs_with_whole_hashes_and_the_record(made):
    _, site = made
    page = Page(site / "node-evaluate-kodak-dncnn.html")
    assert "da" * 32 in page.text and "0123456789abcdef" in page.text
    assert {"node-download-kodak.html", KODAK, "data/provenance/evaluate-kodak-dncnn.json"} <= set(page.links)


def test_the_committed_reports_alone_make_a_site_that_says_what_it_lacks(committed: Path):
    config = load("bench")
    make_site(config, Path("site"))
    check_links(Path("site"))
    assert "build/bench is not here or not finished" in Page(Path("site/images.html")).text
    node = Page(Path("site/node-evaluate-kodak-dncnn.html"))
    assert "not shown" in node.text and not any("data/provenance" in link for link in node.links)
    cells = Page(Path("site") / KODAK).data["cells"]
    commits = {dict(node["facts"])["commit"] for node in cells["nodes"]}
    assert commits and all(re.fullmatch(r"[0-9a-f]{12}", commit) for commit in commits)
    digests = [digest for node in cells["nodes"] for *_, digest in node["reads"]]
    assert sum(re.fullmatch(r"[0-9a-f]{12}", digest) is not None for digest in digests) >= 10


def test_the_site_stays_small(committed: Path):
    make_site(load("bench"), Path("site"))
    pages_alone = sum(path.stat().st_size for path in Path("site").rglob("*") if path.is_file())
    records = 2e6  # what a build adds to the pages of the nodes, and its provenance
    assert pages_alone + records + photos.BUDGET < 25e6


def test_a_build_that_the_reports_were_not_made_from_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = make_reports(tmp_path, "bench")
    page = Path("reports/bench/liu2020/table2_kodak.md")
    page.write_text(page.read_text(encoding="utf-8") + "\nmore\n", encoding="utf-8")
    found = facts.load(config, pipeline.load(config))
    assert found.why_not == f"build/bench is not what {page} was made from"
    assert found.facts["evaluate-kodak-dncnn"].commit == "0123456789ab"  # cut short, as the reports have it


def test_a_folder_that_is_no_site_is_left_alone_and_a_site_is_replaced(committed: Path):
    config = load("bench")
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("my work")
    with pytest.raises(UserError, match="mine: holds something else than a site"):
        make_site(config, Path("mine"))
    with pytest.raises(UserError, match="thesis.txt: a file"):
        make_site(config, Path("mine/thesis.txt"))
    assert Path("mine/thesis.txt").read_text() == "my work"
    make_site(config, Path("site"))
    Path("site/stale.html").write_text("old")
    make_site(config, Path("site"))
    assert not Path("site/stale.html").exists() and Path("site/index.html").is_file()


def test_command_line(committed: Path):
    def command(*words: str) -> subprocess.CompletedProcess:
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
        arguments = [sys.executable, "-m", "redenoise", *words]
        return subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)

    done = command("site", "--scale", "bench", "--output", "out")
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.startswith("site: out/index.html (")
        and "from the reports alone: build/bench is not here" in done.stdout
    )
    wrong = command("sites")
    assert wrong.returncode == 1 and "did you mean 'site'" in wrong.stderr and "Traceback" not in wrong.stderr
    lacking = command("site", "--scale", "paper")
    assert lacking.returncode == 1 and "reports/paper/liu2018/table1_kodak.csv: missing" in lacking.stderr
    assert "site" in COMMANDS


@pytest.mark.parametrize("text", ["", "table,dataset\n", "table1_kodak"])
def test_a_damaged_table_is_refused(committed: Path, text: str):
    Path("reports/bench/liu2018/table1_kodak.csv").write_text(text)
    with pytest.raises(UserError, match="table1_kodak.csv: header is .*; expected dataset,|expected table,"):
        pages.load(load("bench"))


def test_a_value_that_is_no_number_is_refused(committed: Path):
    path = Path("reports/bench/liu2018/table1_kodak.csv")
    path.write_text(path.read_text(encoding="utf-8").replace("29.3426", "<b>", 1), encoding="utf-8")
    with pytest.raises(UserError, match="line 2: reproduced is '<b>', expected a number"):
        pages.load(load("bench"))


def test_columns_that_a_later_report_adds_are_shown_in_the_window_of_a_cell(committed: Path):
    path = Path("reports/bench/liu2018/table1_kodak.csv")
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join([f"{first},spread_of_seeds", *(f"{line},0.004" for line in lines)]) + "\n", encoding="utf-8"
    )
    make_site(load("bench"), Path("site"))
    cell = Page(Path("site/liu2018-table1_kodak.html")).data["cells"]["cells"][0]
    assert cell["more"][-1] == ["spread of seeds", "0.004"]


def test_text_of_the_reports_cannot_become_markup(committed: Path):
    path = Path("reports/bench/liu2018/table1_kodak.csv")
    hostile = "</script><script>alert(1)</script>"
    path.write_text(path.read_text(encoding="utf-8").replace("no implementation", hostile), encoding="utf-8")
    notes = Path("reports/bench/notes.md")
    notes.write_text(notes.read_text(encoding="utf-8") + f"\n{hostile}\n", encoding="utf-8")
    make_site(load("bench"), Path("site"))
    for name in ("liu2018-table1_kodak.html", "notes.html"):
        assert "<script>alert" not in Path("site", name).read_text(encoding="utf-8")
    cells = Page(Path("site/liu2018-table1_kodak.html")).data["cells"]["cells"]
    assert any(cell.get("note", "").startswith(hostile) for cell in cells)


def test_the_opinion_test_has_a_page_where_the_reports_have_one(committed: Path):
    make_site(load("bench"), Path("site"))
    page = Page(Path("site/opinion.html"))
    assert "no raters yet" in page.text and "opinion.html" in Page(Path("site/index.html")).links
    Path("reports/bench/opinion.svg").write_text("<svg/>")
    Path("reports/bench/opinion.md").write_text("# Opinion test\n\n![Scores](opinion.svg) [opinion.csv](opinion.csv)\n")
    make_site(load("bench"), Path("site"))
    check_links(Path("site"))
    assert Path("site/opinion.svg").is_file() and "data/opinion.csv" in Page(Path("site/opinion.html")).links
    Path("reports/bench/opinion.md").unlink()
    make_site(load("bench"), Path("site"))
    check_links(Path("site"))
    assert not Path("site/opinion.html").exists()


def test_the_committed_reports_say_whether_there_are_raters():
    for scale in ("bench", "demo"):
        folder = ROOT / f"reports/{scale}"
        raters = {row["raters"] for row in csv.DictReader((folder / "opinion.csv").read_text().splitlines())}
        text = (folder / "opinion.md").read_text(encoding="utf-8")
        assert ("no raters yet" in text) == (not raters), scale


def test_rows_of_the_reports_tables_lead_to_what_their_numbers_come_from(committed: Path):
    expected = {
        "bench": {
            "index.html": {
                "averages": "liu2020-table2_kodak.html",
                "deviation-by-method": "zhang2017-table3_set12.html",
            },
            "training.html": {"networks": "node-train-proposed.html"},
            "notes.html": {"suspected-misprints-that-were-measured": "liu2018-table1_kodak.html"},
        },
        "demo": {
            "index.html": {"averages-over-the-stand-in-images": "node-filter-bsd68-bm3d.html"},
            "training.html": {"networks-of-the-tasks": "node-task-segmentation.html"},
        },
    }
    for scale, names in expected.items():
        make_site(load(scale), Path("site"))
        for name, sections in names.items():
            text = Path("site", name).read_text(encoding="utf-8")
            for section, target in sections.items():
                table = text.split(f'id="{section}"')[1].split("</table>")[0]
                rows = table.split("<tr>")[2:]
                assert rows and all("<a href=" in row for row in rows), f"{scale}: {name}: {section}"
                assert f'<a href="{target}">' in table, f"{scale}: {name}: {section}"
        assert "python -m stages" in Page(Path("site/node-filter-bsd68-bm3d.html")).text
