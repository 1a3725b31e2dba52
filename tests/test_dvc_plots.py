"""What `dvc metrics show` and `dvc plots show` give of the committed reports, without a network."""

import shutil
from pathlib import Path

import pytest

from tests.browser import Browser, install
from tests.checkouts import dvc, run
from tests.conftest import ROOT

pytest.importorskip("dvc.repo", reason="DVC is not installed: its plots are not drawn")
LOADED = "return document.images.length && [...document.images].every(image => image.complete && image.naturalWidth)"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with the reports of the demo, as far as DVC looks at them."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "reports/demo", folder / "reports/demo")
    for name in ("dvc.yaml", "params.yaml", ".dvc/config", ".dvc/plots.html"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    run(folder, "git", "init", "-q")
    return folder


def test_metrics_are_a_short_row_for_each_paper(project: Path):
    (project / "reports/demo/cells").mkdir(exist_ok=True)
    (project / "reports/demo/cells/doe2024.json").write_text('{"printed": 12, "reproduced": 3, "not run": 9}')
    head, *rows = dvc(project, "metrics", "show").splitlines()
    assert {"Path", "printed", "reproduced"} <= set(head.split())
    assert any(row.split()[0] == "reports/demo/cells/doe2024.json" for row in rows)
    assert max(map(len, (head, *rows))) < 120


def test_plots_show_the_drawings_without_a_network_and_say_what_is_not_drawn(project: Path, tmp_path: Path):
    install()
    dvc(project, "plots", "show")
    browser = Browser(tmp_path)
    try:
        browser.command("Network.enable", {})
        browser.command("Network.setBlockedURLs", {"urls": ["http://*", "https://*"]})
        browser.open(project / "dvc_plots/index.html")
        browser.wait(LOADED)
        sources = browser.run("return [...document.images].map(image => image.src.split('_').slice(-2).join('_'))")
        assert sorted(sources) == sorted(path.name for path in (project / "reports/demo/figures").glob("*.svg"))
        assert "needs Vega from the network" in browser.text("#reports_demo_averages_csv")
    finally:
        browser.close()
