"""The printed tables of classification and segmentation behind denoisers; part of what tables.py declares."""

from stages.report.kinds import Method, Ordering, TaskTable

CLEAN = "clean"  # the condition of images without noise
CLEAN_METHOD = "Clean"  # what measures them
CONTROL = "MSE on task images+VGG"  # trained like the joint denoiser, but without the task's losses
SIGMAS = (15, 30, 45, 60)

_ORDERINGS = (
    Ordering("VGG", "Separate+VGG"),
    Ordering("Separate+VGG", "Joint Training"),
    Ordering("Separate+VGG", "Joint Training (Cross-Task)"),
    Ordering(CONTROL, "Joint Training", control=True),
)
_NOISE = (
    "Noise: white, Gaussian, not clipped and not rounded, added after the image was resized and cropped. Every method "
    "sees the same images with the same noise."
)
_TASK = "The task's network is trained on clean images and never changes; only the denoiser before it does."
_INTERVALS = {
    "top1": "Intervals: 95 %, Wilson's, over the images of the set.",
    "miou": "Intervals: 95 %, percentiles of a bootstrap over the images of the set.",
}
_TOLERANCE = (
    "The tolerance is not the interval, which says how far the number would move with other images: the paper measured "
    "the same images. Allowed for is what differs from its run: the draw of the noise, the decoder of JPEG, the way of "
    "resizing. {}"
)
_CLASSIFIED = _TOLERANCE.format(
    "If one image in ten changes sides with the draw of the noise, the accuracy over 50,000 images moves by 0.14 "
    "points (one standard deviation)."
)
_SEGMENTED = _TOLERANCE.format(
    "It is wider than for classification: there are 1,449 images, and a rare class weighs as much as a frequent one."
)
_MIOU = (
    "mIoU: over all classes with background (21 in Pascal VOC), pixels of the whole set together, no conditional "
    "random field."
)
_EXTRAS = (
    f"`Clean`, `DnCNN+VGG`, `FFDNet+VGG` and `{CONTROL}` are not in the paper. The last is a control: the same images, "
    "crops and steps as joint training, with the reconstruction loss alone, so that what it gains over `Separate+VGG` "
    "comes from the images and not from the task."
)
_LOSS_2018 = "Joint training here has no perceptual loss: the paper's loss is the task's and the reconstruction's."
_LOSS_2020 = "Joint training here has the perceptual loss, weighted 0.5, besides the task's and the reconstruction's."


def _methods(joint: str, cross: str) -> tuple[Method, ...]:
    """The five printed methods; `joint` and `cross` are the measured ones behind the last two."""
    same = (Method(name, measured=name) for name in ("VGG", "CBM3D+VGG", "Separate+VGG"))
    return (*same, Method("Joint Training", measured=joint), Method("Joint Training (Cross-Task)", measured=cross))


def _classification(paper: str, number: str, name: str, methods: tuple[Method, ...], loss: str) -> TaskTable:
    return TaskTable(
        paper=paper,
        name=name,
        table=name,
        number=number,
        title="classification of denoised images of ILSVRC2012, top-1 and top-5 accuracy in %",
        dataset="ILSVRC2012",
        sigmas=SIGMAS,
        methods=methods,
        metrics=("top1", "top5"),
        orderings=_ORDERINGS,
        tolerance=_CLASSIFIED,
        protocol=(loss, _NOISE, _TASK, _INTERVALS["top1"], _EXTRAS),
    )


def _segmentation(paper: str, number: str, name: str, methods: tuple[Method, ...], loss: str) -> TaskTable:
    return TaskTable(
        paper=paper,
        name=name,
        table=name,
        number=number,
        title="segmentation of denoised images of Pascal VOC 2012, mean intersection over union in %",
        dataset="Pascal VOC 2012",
        sigmas=SIGMAS,
        methods=methods,
        metrics=("miou",),
        orderings=_ORDERINGS,
        tolerance=_SEGMENTED,
        protocol=(loss, _NOISE, _TASK, _MIOU, _INTERVALS["miou"], _EXTRAS),
    )


_METHODS_2018 = _methods("Joint Training (no perceptual loss)", "Joint Training (no perceptual loss, Cross-Task)")
_METHODS_2020 = _methods("Joint Training", "Joint Training (Cross-Task)")

TASK_TABLES = (
    _classification("liu2018", "Table 2", "table2_classification", _METHODS_2018, _LOSS_2018),
    _segmentation("liu2018", "Table 3", "table3_segmentation", _METHODS_2018, _LOSS_2018),
    _classification("liu2020", "Table IV", "table4_classification", _METHODS_2020, _LOSS_2020),
    _segmentation("liu2020", "Table V", "table5_segmentation", _METHODS_2020, _LOSS_2020),
)
