"""The site in a browser, from disk: sorting, the window of a cell, the image browser, charts, widths, accessibility."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from redenoise.commands.site.quality import liveliest
from redenoise.dag.config import Config
from redenoise.measure import metrics
from tests import accessibility
from tests.browser import FRAMES, Browser
from tests.site_project import GRID, SECOND, SHAPE, column, go_to, make_reports, make_site

KODAK, IMAGES, TRAINING = "liu2020-table2_kodak.html", "images.html", "training.html"
LOOKS = [(1280, False), (1280, True), (360, False), (360, True)]
NAMES = ["desktop", "desktop and dark", "phone", "phone and dark"]
SORTED = "return [...document.querySelectorAll(`${arguments[0]} th[aria-sort]`)].map(head => head.ariaSort)"
OPEN = "return document.querySelector('#cell').open"
PICTURES = """return [...document.querySelectorAll('#crops img')].map(image => {
  const [picture, view] = [image, image.parentElement].map(part => part.getBoundingClientRect());
  return [picture.width, picture.left - view.left, picture.top - view.top].map(Math.round).join(' ');
})"""
CROPS = """return [...document.querySelectorAll('#crops li')].map(item =>
  [item.querySelector('strong').textContent, item.querySelector('img').getAttribute('src'),
   item.querySelector('p').innerText])"""
DESIGNS = "[aria-labelledby='parameters-and-psnr']"
NEAR = """const plot = document.querySelector(arguments[0]), point = [...plot.querySelectorAll('circle')].at(-1);
const box = point.getBoundingClientRect();
plot.dispatchEvent(new PointerEvent('pointermove', {clientX: box.x + box.width / 2, clientY: box.y + box.height / 2}));
return point.classList.contains('chosen') && point.dataset.tip;"""
# Captions of the tables whose first value is neither there nor beside what has been scrolled.
OUT_OF_SIGHT = """return [...document.querySelectorAll('.scroll table')].filter(table => {
  const values = table.querySelectorAll('tbody td.number[data-sort]');
  const number = values.length ? values[0] : table.querySelector('tbody td.number');
  if (!number) return false;
  const [box, place] = [table.closest('.scroll'), number].map(part => part.getBoundingClientRect());
  return place.left < box.left - 1 || place.right > Math.min(box.right, innerWidth) + 1;
}).map(table => table.caption.textContent)"""
EDGE = "return document.querySelector('#edge').style.left"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Config, Path]]:
    """The site of hand-made results with two photographs."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = make_reports(folder, "bench")
        make_site(config, folder / "site")
        yield config, folder / "site"


@pytest.fixture
def page(window: Browser) -> Iterator[Browser]:
    """The window at a desk's width; afterwards, nothing has been complained of or asked for but from disk."""
    window.resize(1280, 900)
    yield window
    assert window.complaints() == []
    asked = window.requests()
    assert asked and [address for address in asked if not address.startswith(("file:", "data:"))] == []


def test_a_table_sorts_by_number_in_both_directions_and_keeps_its_average(page, site):
    page.open(site[1] / KODAK)
    head = f"{GRID} thead tr:last-child th:nth-child(2) button"  # what CBM3D was measured at
    before = column(page, 2)
    assert "reproduced" in page.text(head)
    page.click(head)
    rising = sorted(before, key=float)
    assert before != rising and column(page, 2) == rising
    assert [state for state in page.run(SORTED, GRID) if state != "none"] == ["ascending"]
    page.click(head)
    assert column(page, 2) == rising[::-1]
    assert [state for state in page.run(SORTED, GRID) if state != "none"] == ["descending"]
    assert page.texts(f"{GRID} tfoot th") == ["average"]
    page.click(f"{GRID} thead tr:first-child th button")
    assert column(page, 0) == [f"{number:02}" for number in range(1, 25)]
    assert page.run(SORTED, GRID).count("none") == len(page.run(SORTED, GRID)) - 1


def test_signed_differences_and_thousands_sort_as_numbers(page, site):
    page.open(site[1] / KODAK)
    page.click(f"{GRID} thead tr:last-child th:nth-child(3) button")
    found = [float(text.split()[0]) for text in column(page, 3)]
    assert found == sorted(found) and {text.split()[1] for text in column(page, 3)} == {"✗"}
    page.open(site[1] / "liu2020-table1_architecture.html")
    page.click("table.grid thead tr:last-child th:nth-child(1) button")
    counts = [int(re.match(r"[\d,]+", text)[0].replace(",", "")) for text in column(page, 4, "table.grid")]
    assert counts == sorted(counts) and len(set(counts)) > 5


def test_a_table_sorts_by_keyboard(page, site):
    page.open(site[1] / KODAK)
    go_to(page, f"{GRID} thead tr:last-child th:nth-child(2) button")
    page.press("Enter")
    assert column(page, 2) == sorted(column(page, 2), key=float)
    page.press("Space")
    assert column(page, 2) == sorted(column(page, 2), key=float)[::-1]
    assert page.run("return document.activeElement.parentElement.ariaSort") == "descending"


def test_a_press_on_a_number_tells_command_data_and_commit(page, site):
    page.open(site[1] / KODAK)
    page.click(f"{GRID} tbody tr:nth-child(1) td:nth-child(3) button")
    page.wait(OPEN)
    assert page.text("#cell-title") == "Kodak, 01, σ = 25, CBM3D"
    shown = page.text("#cell-facts")
    assert "python -m stages.filter --scale bench --only kodak-cbm3d" in shown
    assert "0123456789abcdef" in shown and "noisy images: synthesize-kodak" in shown
    page.press("Escape")
    page.wait_for(False, OPEN)
    assert page.run("return document.activeElement.closest('td').cellIndex") == 2


def test_a_number_opens_by_keyboard_and_its_data_have_hashes(page, site):
    page.open(site[1] / KODAK)
    go_to(page, f"{GRID} td button")
    page.press("ArrowDown", "ArrowRight", "ArrowRight")  # from CBM3D past MCWNNM to DnCNN, of the second image
    page.press("Enter")
    assert page.text("#cell-title") == "Kodak, 02, σ = 25, DnCNN"
    assert page.focused("id") == "cell-title"
    shown = page.text("#cell-facts")
    assert f"images: download-kodak {'da' * 32}" in shown and f"weights: train-dncnn_color {'fe' * 32}" in shown
    address = page.run("return location.hash")
    go_to(page, "#cell-facts a[href='node-evaluate-kodak-dncnn.html']")
    page.press("Enter")
    page.wait("return document.title.startsWith('Node evaluate-kodak-dncnn')")
    page.open(site[1] / KODAK, address.removeprefix("#"))
    assert page.text("#cell-title") == "Kodak, 02, σ = 25, DnCNN"
    go_to(page, "#cell-close")
    page.press("Enter")
    page.wait_for(False, OPEN)


def test_a_number_leads_to_its_image(page, site):
    page.open(site[1] / KODAK)
    page.click(f"{SECOND} tbody tr:nth-child(2) td:nth-child(3) button")
    go_to(page, "#cell-facts a[href^='images.html']")
    page.press("Enter")
    page.wait("return document.querySelector('#where')?.textContent")
    chosen = page.run("return ['photo', 'level', 'right'].map(id => document.getElementById(id).value)")
    assert chosen == ["1", "35", "CBM3D"]


def open_images(page: Browser, site: tuple[Config, Path]) -> None:
    """The image browser, once its numbers and all its images are there: they come after the page, and move things."""
    page.open(site[1] / IMAGES)
    page.wait("""return document.querySelector('#where').textContent && document.querySelector('#whole').textContent &&
      [...document.images].every(image => image.complete && image.naturalWidth)""")


def test_the_border_moves_by_arrow_keys_and_by_pointer(page, site):
    open_images(page, site)
    go_to(page, "#border")
    assert page.run(EDGE) == "50%"
    page.press("ArrowLeft", "ArrowLeft", "ArrowLeft")
    assert page.run(EDGE) == "47%"
    assert page.run("return document.querySelector('#over').style.clipPath") == "inset(0px 53% 0px 0px)"
    assert page.focused("ariaValueText") == "47 % noisy, the rest CBM3D"
    page.press("End")
    assert page.run(EDGE) == "100%"
    page.click("#stage")
    page.wait_for("50%", EDGE)


def test_the_crop_is_the_same_of_every_method_wherever_it_moves(page, site):
    open_images(page, site)
    assert page.texts("#crops strong") == ["clean", "noisy", "CBM3D", "DnCNN"]
    seen = [page.run(PICTURES)]
    for control, key in (("#crop-left", "Home"), ("#crop-top", "End"), ("#crop-size", "ArrowRight")):
        go_to(page, control)
        page.press(key)
        seen.append(page.run(PICTURES))
    assert all(len(places) == 4 and len(set(places)) == 1 for places in seen)
    assert len({places[0] for places in seen}) == len(seen), "every key moves the crop"
    page.click("#map")
    assert len(set(page.run(PICTURES))) == 1
    go_to(page, "#differences")
    page.press("Space")
    files = [source for _, source, _ in page.run(CROPS)]
    assert [source.endswith("-difference.webp") for source in files] == [False, False, True, True]
    assert len(set(page.run(PICTURES))) == 1


@pytest.mark.parametrize("moves", [[], ["Home"], ["End"]], ids=["middle", "upper left", "lower right"])
def test_numbers_of_a_crop_are_those_of_the_metrics(page, site, moves):
    open_images(page, site)
    for control in ("#crop-left", "#crop-top"):
        go_to(page, control)
        page.press(*moves)
    script = "return ['crop-left', 'crop-top', 'crop-size'].map(id => Number(document.getElementById(id).value))"
    values = page.run(script)
    x, y, size = (8 * value for value in values)
    width, height = min(size, SHAPE[1] - x), min(size, SHAPE[0] - y)
    assert page.text("#where") == f"{width} by {height} pixels from ({x}, {y})"
    (_, file, _), *others = page.run(CROPS)
    clean = pixels(site[1] / file)
    part = (slice(y, y + height), slice(x, x + width))
    # The similarity of a pixel is that of the window around it, which reaches over the edge of the crop by 5.
    around = (slice(max(0, y - 5), y + height + 5), slice(max(0, x - 5), x + width + 5))
    for name, file, text in others:
        image = pixels(site[1] / file)
        psnr, ssim = metrics.psnr(image[part], clean[part]), metrics.ssim(image[around], clean[around])
        assert text == f"{name}\nPSNR {psnr:.2f} dB, SSIM {ssim:.4f}"


def test_numbers_of_whole_images_are_those_of_the_metrics(page, site):
    open_images(page, site)
    folder = site[1] / "images/kodak-1"
    clean, image = (pixels(folder / f"{name}.webp") for name in ("clean", "25-kodak-cbm3d"))
    shown = f"CBM3D: PSNR {metrics.psnr(image, clean):.2f} dB, SSIM {metrics.ssim(image, clean):.4f}"
    assert page.text("#whole").endswith(shown)


def pixels(path: Path) -> np.ndarray:
    """An image of the site; these are small, so that they are stored without loss."""
    with Image.open(path) as image:
        return np.asarray(image)


def test_charts_tell_their_values_by_keyboard_and_by_pointer_and_curves_can_be_hidden(page, site):
    page.open(site[1] / TRAINING)
    go_to(page, "[aria-labelledby='learning-curves'] svg")
    page.press("ArrowRight", "ArrowRight")
    tip = "[aria-labelledby='learning-curves'] .tip"
    assert page.text(tip) == "dncnn_color sigma25: step 40,000, 30.500 dB"
    page.press("ArrowDown")
    assert page.text(tip) == "proposed sigma25: step 200, 30.250 dB"
    page.press("ArrowUp")
    assert page.text(tip) == "dncnn_color sigma25: step 200, 30.250 dB"
    go_to(page, "[aria-labelledby='parameters-and-psnr'] svg")
    page.press("Home")
    assert re.fullmatch(r"s2_\w+, \w+: parameters [\d,]+, 30\.\d\d\d dB", page.text(f"{DESIGNS} .tip"))
    shown = page.run(NEAR, f"{DESIGNS} svg")
    assert shown and page.text(f"{DESIGNS} .tip") == shown
    page.click(".toggles input[value='proposed']")
    hidden = page.run("return [...document.querySelectorAll('.series.off-screen')].map(one => one.dataset.name)")
    assert hidden and set(hidden) == {"proposed"}
    go_to(page, "[aria-labelledby='learning-curves'] svg")
    page.press("End")
    assert page.text(tip) == "dncnn_color sigma25: step 40,000, 30.500 dB", "what is hidden is not told of"


def test_the_first_stop_of_the_tab_key_leads_to_the_content(page, site):
    page.open(site[1] / "index.html")
    page.press("Tab")
    assert page.focused() == "Skip to the content"
    page.press("Enter")
    page.wait_for("main", "return document.activeElement.id")


def shown_pages(site: Path) -> list[Path]:
    """Every page, but of the nodes' pages, which have one form, one for each stage."""
    nodes = {path.stem.split("-")[1]: path for path in sorted(site.glob("node-*.html"))}
    return [*sorted(set(site.glob("*.html")) - set(site.glob("node-*.html"))), *nodes.values()]


@pytest.mark.parametrize(("width", "dark"), LOOKS, ids=NAMES)
def test_no_page_breaks_rules_of_accessibility_or_scrolls_sideways(page, site, width, dark):
    """All words of a page are looked at once; how it looks, of everything that has a form of its own."""
    axe = accessibility.source()
    page.resize(width, 800, dark)
    found, grounds = {}, set()
    for path in shown_pages(site[1]):
        page.open(path)
        page.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        sideways = page.run("return document.documentElement.scrollWidth") > width
        if (width, dark) != LOOKS[0]:
            accessibility.leave_two_of_each_form(page)
        broken = accessibility.violations(page, axe) + ([["scrolls sideways"]] if sideways else [])
        found |= {path.name: broken} if broken else {}
        grounds.add(page.run("return getComputedStyle(document.body).backgroundColor"))
    assert found == {}
    assert grounds == {"rgb(16, 20, 24)" if dark else "rgb(255, 255, 255)"}


@pytest.mark.parametrize(("width", "dark"), LOOKS, ids=NAMES)
def test_neither_does_the_window_of_a_cell(page, site, width, dark):
    page.resize(width, 800, dark)
    for number in (0, 1):  # measured, and not run
        page.open(site[1] / KODAK, f"cell-{number}")
        page.wait(OPEN)
        assert accessibility.violations(page, accessibility.source(), "#cell") == []
        assert page.run("return document.querySelector('#cell').scrollWidth") <= width
        assert page.run("return document.documentElement.scrollWidth") <= width


def test_a_page_that_breaks_the_rules_is_found(page, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text('<!doctype html><html lang="en"><title>x</title><p style="color: #bbb; background: #fff">pale</p>')
    page.open(bad)
    assert [name for name, *_ in accessibility.violations(page, accessibility.source())] == ["color-contrast"]


def test_a_head_that_was_escaped_twice_is_found(page, tmp_path):
    bad = tmp_path / "bad.html"
    rows = "<tr><th scope=&#34;col&#34;>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr>"
    bad.write_text(f'<!doctype html><html lang="en"><title>x</title><table>{rows}</table>')
    page.open(bad)
    assert [name for name, *_ in accessibility.violations(page, accessibility.source())] == ["scope-attr-valid"]


def test_on_a_phone_every_table_begins_with_a_number_in_sight(page, site):
    page.resize(375, 800)
    hidden = {}
    for path in shown_pages(site[1]):
        page.open(path)
        page.run("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        page.run_later(FRAMES)
        hidden |= {path.name: found} if (found := page.run(OUT_OF_SIGHT)) else {}
    assert hidden == {}


def test_the_design_that_the_paper_chose_is_bold_and_a_suspected_misprint_has_its_mark(page, site):
    page.open(site[1] / "liu2020-table1_architecture.html")
    rows = "[...document.querySelectorAll('table.grid')[0].tBodies[0].rows]"
    heavy = f"""return {rows}.map(row => [...row.cells].slice(0, 4).map(cell =>
      getComputedStyle(cell.querySelector('strong') ?? cell).fontWeight).join(' '))"""
    assert [place for place, weights in enumerate(page.run(heavy)) if weights == "700 700 700 700"] == [6]
    assert page.run(heavy).count("400 400 400 400") == len(page.run(heavy)) - 1
    assert [text for text in column(page, 4, "table.grid") if text.endswith("k1")] == ["1,780k1"]


def test_the_image_browser_opens_on_the_liveliest_crop(page, site):
    open_images(page, site)
    clean = pixels(site[1] / page.run(CROPS)[0][1])
    x, y, side = (8 * tiles for tiles in liveliest(clean, 8))
    assert page.text("#where") == f"{side} by {side} pixels from ({x}, {y})"
