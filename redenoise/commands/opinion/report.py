"""What the opinion test found, in reports/opinion/: page, CSV, and the figure as SVG and PDF once there are raters."""

from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure

from redenoise.commands.opinion.ratings import Key, Rating
from redenoise.commands.opinion.scores import AVERAGE, Score, difference, summarise, table
from redenoise.dag.config import Config
from redenoise.document import markdown, model, store
from redenoise.document.model import NOTHING, WARNING, Block, Document, Items, Paragraph, Picture, Section, Table
from redenoise.support import csv_tables
from redenoise.support.files import atomic_open, write_text
from stages.report import drawing

FOLDER = Path("reports/opinion")  # beside the scales' own folders, which are what the stage `report` writes
COLUMNS = ("dataset", "item", "condition", "method", "metric", "unit", "value", "low", "high", "spread", "raters")
SOURCE = "redenoise opinion collect"
PAPER = (
    "Figure 5 of Liu et al. 2020 (section IV-B1): 15 raters ranked the results of four methods on five images of Kodak "
    "and five of CBSD68 with noise of sigma = 50, from 1 (low quality) to 4 (high quality). Its numbers are not "
    "printed; the statement is that the proposed method with high-level guidance has the highest score."
)
DEVIATIONS = (
    "All raters see the same images, drawn by a seed; the order of images and pictures is drawn anew for each rater.",
    "The pair without and with guidance are networks of the cascades' level of 45, and images are scaled to it and "
    "back; where there is no cascade, the one without is the network for 50.",
    "DnCNN is the model for the level, and the guidance is that of segmentation. The paper prints neither.",
    "Neither the noisy nor the clean image is shown. Screens and distances are the raters' own.",
)
INTERVALS = (
    "Intervals are 95 %, Student's t over raters: each rater's mean is one observation, since the scores of one rater "
    "depend on each other. They tell how far the means would move with other raters, not with other images. The spread "
    "is the standard deviation of the single scores."
)
NO_RATERS = "no raters yet"
SCORES = "Mean opinion scores"
DEMO = "Demo scale: networks trained for seconds on stand-in images. Nothing here can be compared with the paper."


def write(folder: Path, config: Config, ratings: list[Rating], key: Key | None) -> list[Path]:
    """Write the files of one scale into `folder`; the figure of an earlier run goes if there are no ratings.

    Args:
        key: of the page that was rated; None if there are no ratings.

    Returns:
        The files that are there now.
    """
    scores = summarise(ratings, key) if key else []
    found = page(config, ratings, key, scores)
    texts = {"md": markdown.render(found), "json": store.render(found)}
    texts["csv"] = csv_text(scores, key.sigma if key else 0)
    svg, pdf = (file(config.scale, kind, folder) for kind in ("svg", "pdf"))
    if key and scores:
        texts["svg"] = drawing.svg(figure(ratings, key, scores))
        with atomic_open(pdf) as stream:
            stream.write(drawing.pdf(figure(ratings, key, scores)))
    else:
        for path in (svg, pdf):
            path.unlink(missing_ok=True)
    for kind, text in texts.items():
        write_text(file(config.scale, kind, folder), text)
    return [*(file(config.scale, kind, folder) for kind in texts), *([pdf] if "svg" in texts else [])]


def file(scale: str, kind: str, folder: Path = FOLDER) -> Path:
    """A file of one scale; `kind` is its suffix without the dot."""
    return folder / f"{scale}.{kind}"


def csv_text(scores: list[Score], sigma: int) -> str:
    """One row per method: for all images, for each set, for each image; with the columns of the other results."""
    rows = []
    for score in scores:
        numbers = [
            "" if value is None else f"{value:.4f}" for value in (score.mean, score.low, score.high, score.spread)
        ]
        place = [score.dataset, score.item, f"sigma={sigma}", score.method, "mos", ""]
        rows.append([*place, *numbers, score.raters])
    return csv_tables.text(COLUMNS, rows)


def page(config: Config, ratings: list[Rating], key: Key | None, scores: list[Score]) -> Document:
    """The page; `key` is None and there are no scores where there are no ratings."""
    warning = () if config.settings["real_data"] else (Paragraph(DEMO, WARNING),)
    opening = (*warning, Paragraph(PAPER), Paragraph("What differs here:"), Items(DEVIATIONS))
    make, collect = (f"`redenoise opinion {step} --scale {config.scale}" for step in ("build", "collect"))
    text = f"{NO_RATERS}. {make}` makes the page for raters, {collect} FILES...` reads the files that they save."
    found: tuple[Section, ...] = (Section(SCORES, (Paragraph(text),)),)
    if key and scores:
        found = _found(ratings, key, scores, config.scale)
    title = f"Opinion test, scale `{config.scale}`"
    return Document("opinion", title, (Section("", opening), *found), source=SOURCE)


def _found(ratings: list[Rating], key: Key, scores: list[Score], scale: str) -> tuple[Section, ...]:
    """The scores, and where they come from."""
    blocks: tuple[Block, ...] = (
        Paragraph(f"{_count(len(ratings), 'rater')}, {len(key.places)} images. {INTERVALS}"),
        _table(ratings, key, scores),
        *(Paragraph(f"{name} was not in the test: {reason}.") for name, reason in key.missing.items()),
        Picture(f"{scale}.svg", "Mean opinion scores"),
        Paragraph(f"By image: [{scale}.csv]({scale}.csv)."),
    )
    return Section(SCORES, blocks), Section("Sources", (_sources(ratings, key),))


@style.context(drawing.LOOK)
def figure(ratings: list[Rating], key: Key, scores: list[Score]) -> Figure:
    """Bars of the means with their intervals, and a dot for each rater."""
    overall = [score for score in scores if (score.dataset, score.item) == ("", AVERAGE)]
    drawn = Figure(figsize=(6.4, 3.8), layout="constrained")
    axis = drawn.subplots()
    for place, score in enumerate(overall):
        axis.bar(place, score.mean - 1, bottom=1, width=0.6, color=drawing.COLORS[place], alpha=0.55)
        means = table(ratings, list(key.places), score.method).mean(axis=1)
        beside = [place + 0.2 * (index / max(1, len(means) - 1) - 0.5) for index in range(len(means))]
        axis.plot(beside, means, linestyle="", marker="o", markersize=3, color=drawing.COLORS[place])
        if score.low is not None and score.high is not None:
            reach = [[score.mean - score.low], [score.high - score.mean]]
            axis.errorbar(place, score.mean, yerr=reach, color="black", capsize=5, linewidth=1.2)
        axis.annotate(f"{score.mean:.2f}", (place + 0.32, score.mean), va="center", fontsize=8)
    axis.set_xticks(range(len(overall)), [score.method.replace(" with", "\nwith") for score in overall])
    axis.set_ylim(1, len(overall))
    axis.set_yticks(range(1, len(overall) + 1))
    axis.set_ylabel("mean opinion score (1 worst)")
    axis.grid(axis="x", visible=False)
    stand_ins = "" if key.real_data else ", stand-in images"
    axis.set_title(
        f"{_count(len(ratings), 'rater')}, 95 % intervals, a dot for each rater{stand_ins}", fontsize="medium"
    )
    return drawn


def _table(ratings: list[Rating], key: Key, scores: list[Score]) -> Table:
    """One line per method: over all images, over each set, and how far below the last method the same raters put it."""
    rows, last = [], list(key.methods)[-1]
    for method, text in key.methods.items():
        overall, *sets = [score for score in scores if score.method == method and score.item == AVERAGE]
        below, bounds = difference(ratings, key, last, method)
        gap = NOTHING if method == last else f"{below:.2f}{f' ({bounds[0]:.2f} to {bounds[1]:.2f})' if bounds else ''}"
        interval = NOTHING if overall.low is None else f"{overall.low:.2f} to {overall.high:.2f}"
        numbers = [f"{overall.mean:.2f}", interval, f"{overall.spread:.2f}"]
        rows.append([method, text, *numbers, *(f"{score.mean:.2f}" for score in sets), gap])
    measured = ("score", "95 % interval", "spread", *dict.fromkeys(dataset for dataset, _ in key.places.values()))
    columns = ("method", "here", *measured, f"less than {last} by")
    return model.table(columns, rows, numbers=columns[2:])


def _sources(ratings: list[Rating], key: Key) -> Items:
    """Where the numbers come from: the page and the raters' files, by their hashes, without names."""
    made = f"`redenoise opinion build --scale {key.scale} --seed {key.seed}`"
    images = ", ".join(f"{item} ({dataset})" for dataset, item in key.places.values())
    texts = (
        f"Page `{key.page}`, made by {made} at commit `{key.commit[:12]}`; SHA-256 of its key: `{key.sha256}`.",
        f"Images: {images}.",
        f"SHA-256 of the raters' files: {', '.join(f'`{rating.sha256[:16]}`' for rating in ratings)}.",
    )
    return Items(texts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
