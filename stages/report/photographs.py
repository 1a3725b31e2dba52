"""The page of what is measured for real at every scale, the demo too: released networks on photographs of a package."""

from collections.abc import Iterator
from functools import partial

from redenoise.document.model import Cell, Document, Paragraph, Section, table
from stages.report import orderings
from stages.report.kinds import Method, Ordering, Table
from stages.report.layout import PAIRED
from stages.report.results import AVERAGE
from stages.report.rows import Comparison, Context, why_unmeasured
from stages.report.shown import number
from stages.report.weights import behind

# Not a printed table, so it is not among those that are counted; it is compared and ordered like one.
SPEC = Table(
    paper="",
    name="photographs",
    table="",
    number="",
    title="Real denoising without a download",
    dataset="Photographs",
    images=3,
    levels=(25, 50),
    methods=(Method("Noisy"), Method("CBM3D"), Method("Proposed")),
    orderings=(Ordering("CBM3D", "Proposed", control=True),),
)
TEXT = (
    "Photographs that ship with scikit-image, whole and in colour, under the noise that all sets get. `Proposed` is "
    "the network at full size with the weights that this project released; `CBM3D` is this project's filter. No paper "
    "prints these values."
)


def document(context: Context) -> Document:
    """The page."""
    why = partial(why_unmeasured, context, SPEC.dataset)
    names = {method.printed: method.printed for method in SPEC.methods}
    found = orderings.of_images(SPEC, context, names, lambda name, level: why(name, AVERAGE, level, "psnr"))
    ordered = orderings.section(Comparison(SPEC, [], names, True, tuple(found)))
    sections = (
        Section("", (Paragraph(TEXT), Paragraph(_weights(context)), Paragraph(orderings.legend(SPEC, PAIRED)))),
        Section("PSNR in dB", (table(("σ", "image", *names), _lines(context), tuple(names)),)),
        *((ordered,) if ordered else ()),
    )
    return Document(SPEC.name, f"{SPEC.title}, scale `{context.config.scale}`", sections)


def _weights(context: Context) -> str:
    made = behind(context.config, context.records, SPEC.dataset, "Proposed")
    return f"Weights of `Proposed`: {made or 'not measured yet'}."


def _lines(context: Context) -> Iterator[tuple[Cell | str, ...]]:
    """A line for each image and the average at each noise level."""
    dataset, values = context.dataset(SPEC), context.measured.values
    for level in SPEC.levels:
        for item in (*context.measured.items.get(dataset, ()), AVERAGE):
            keys = [(dataset, item, f"sigma={level}", method.printed, "psnr") for method in SPEC.methods]
            yield str(level), item, *(number(values.get(key), "psnr") for key in keys)
