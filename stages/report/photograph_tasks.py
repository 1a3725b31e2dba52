"""The pages of the high-level tasks on photographs that anybody may fetch: the papers' claim, not their experiment.

No printed cell is about these sets and networks, so nothing of them is counted; they are compared and ordered like the
papers' tables.
"""

from dataclasses import replace

from redenoise.document.model import NOTHING, WARNING, Cell, Document, Items, Paragraph, Section
from stages.report import orderings, task_layout, tasks
from stages.report.kinds import TaskTable
from stages.report.parts import grid
from stages.report.rows import Comparison, Context
from stages.report.task_tables import INTERVALS, NOISE, SIGMAS, TASK
from stages.report.task_tables import orderings as task_orderings
from stages.report.weights import before_task

CONTROL = "MSE on task images+Network"
NOT_PRINTED = (
    "This is not the experiment of Liu et al. 2018 and 2020, whose networks and whole data sets need an account or are "
    "no longer to be had: other, smaller networks on other photographs. No value here is compared with a printed one."
)
_ROWS = (
    "`Network` alone is fed with the noisy images; `Separate` is the proposed denoiser, trained by itself; `{}` has "
    "the images and steps of joint training and the reconstruction loss alone; `(Cross-Task)` was trained for "
    "the task of the other page."
)


def _table(name: str, title: str, dataset: str, images: int, metrics: tuple[str, ...], about: str) -> TaskTable:
    protocol = (about, _ROWS.format(CONTROL), NOISE, TASK, INTERVALS[metrics[0]])
    return TaskTable(
        paper="", name=name, table="", number="", title=title, dataset=dataset, images=images, protocol=protocol,
        levels=SIGMAS, methods=(), metrics=metrics, orderings=task_orderings("Network"), tolerance="",
    )  # fmt: skip


SPECS = (
    _table(
        "photographs_classification",
        "Classification of denoised photographs, top-1 and top-5 accuracy in %",
        "1,300 of ImageNet",
        1300,
        ("top1", "top5"),
        "1,300 of the 50,000 validation images of ImageNet, of 725 of its 1,000 classes, 227x227 as they were found, "
        "the central 224x224 of each: an easy subset, on which the network does better than on the whole (75 %). "
        "Denoisers were trained on one image a class, which the network has probably seen in its training.",
    ),
    _table(
        "photographs_segmentation",
        "Segmentation of denoised photographs, mean intersection over union in %",
        "CamVid",
        233,
        ("miou",),
        "The 233 test frames of CamVid, 480x360, 11 classes; pixels of none do not count. Frames of a few drives "
        "follow each other, so intervals that take them as independent are too narrow. The network and the denoisers "
        "were trained on the 367 training frames.",
    ),
)


def documents(context: Context) -> list[Document]:
    """The two pages."""
    return [_document(spec, context) for spec in SPECS]


def _document(spec: TaskTable, context: Context) -> Document:
    # Laid out as what has no printed counterpart.
    comparison: Comparison[TaskTable] = replace(tasks.compare(spec, context), demo=True)
    items = (
        *spec.protocol,
        task_layout.clean(comparison, context),
        *task_layout.network(spec, context),
        orderings.legend(spec, task_layout.ERRORS[spec.metrics[0]]),
    )
    head = (Paragraph(NOT_PRINTED, WARNING), Paragraph(orderings.summary(comparison)), Items(items))
    sections = (
        Section("", head),
        _methods(comparison, context),
        task_layout.unprinted(comparison, context, "Accuracy behind each denoiser in %, with 95 % intervals"),
        orderings.section(comparison),
        task_layout.psnr(comparison),
    )
    return Document(spec.name, f"{spec.title}, scale `{context.config.scale}`", tuple(filter(None, sections)))


def _methods(comparison: Comparison[TaskTable], context: Context) -> Section:
    """How the weights of each denoiser were made."""
    rows = []
    for name in comparison.methods:
        stage, key = context.recognized.nodes[comparison.spec.dataset, name]
        made = before_task(context.config, context.records, context.config.entry(stage, key))
        rows.append((Cell(name, node=f"{stage}-{key}"), Cell(made or NOTHING)))
    return grid("Methods", ("method", "weights of the denoiser"), (), rows)
