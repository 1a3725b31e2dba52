"""The figures made of images: `python -m stages.illustrate [--scale SCALE]`.

Output: `build/<scale>/figures/` with one PNG file per figure and `captions.json`, for each file its title, its caption
and, where the figure could not be made, why: the picture then says so too.
"""

from collections.abc import Callable
from functools import partial

from redenoise.dag import paths, provenance
from redenoise.dag.config import Config
from redenoise.data.images import write_png
from redenoise.measure.torch_mode import set_mode
from redenoise.support.files import renewed, write_json
from redenoise.support.progress import progress
from stages.illustrate.canvas import Figure
from stages.illustrate.classes import figure6_classes
from stages.illustrate.general import figure12
from stages.illustrate.gradients import figure3
from stages.illustrate.labels import figure6
from stages.illustrate.real import figure7
from stages.illustrate.truth import figure7_truth
from stages.illustrate.units import figure5, figure10
from stages.illustrate.zoom import figure4

CAPTIONS = "captions.json"
FIGURES: dict[str, Callable[[Config], Figure]] = {
    "figure3_gradients.png": figure3,
    "figure4_zoom.png": figure4,
    "figure6_labels.png": figure6,
    "figure7_real.png": figure7,
    "figure5_units.png": figure5,
    "figure10_units.png": figure10,
    "figure12_general.png": figure12,
    "figure7_truth.png": figure7_truth,
    "figure3_photographs.png": partial(figure3, part="classify_photographs"),
    "figure6_photographs.png": partial(figure6, part="segment_photographs", other="classify_photographs"),
    "figure6_classes.png": figure6_classes,
}


def run(config: Config) -> None:
    """Make all figures. They are small, so they are made on the processor, also where there is a GPU."""
    set_mode("reference", config.settings["threads"])
    folder = paths.figures(config.scale)
    with (
        provenance.recorded(config, "illustrate") as record,
        renewed(folder) as new,
    ):
        captions: dict[str, dict[str, str]] = {}
        for name, make in progress(FIGURES.items(), len(FIGURES), "illustrate", "figure"):
            figure = make(config)
            write_png(new / name, figure.picture)
            captions[name] = {"title": figure.title, "caption": figure.caption}
            if figure.unavailable:
                captions[name]["unavailable"] = figure.unavailable
                record.setdefault("unavailable_figures", {})[name] = figure.unavailable
            if figure.extra:
                record.setdefault("extra_inputs", {}).update(provenance.hash_inputs(config, list(figure.extra)))
        write_json(new / CAPTIONS, captions)
