"""What the printed tables of classification and segmentation behind denoisers have in common."""

from typing import Any

from stages.report.kinds import Method, Ordering, TaskTable

CLEAN = "clean"  # the condition of images without noise
CLEAN_METHOD = "Clean"  # what measures them
CONTROL = "MSE on task images+VGG"  # trained like the joint denoiser, but without the task's losses
SIGMAS = (15, 30, 45, 60)

NOISE = (
    "Noise: white, Gaussian, not clipped and not rounded, added after the image was resized and cropped. Every method "
    "sees the same images with the same noise."
)
TASK = "The task's network is trained on clean images and never changes; only the denoiser before it does."
INTERVALS = {
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


def orderings(network: str) -> tuple[Ordering, ...]:
    """What tables of a task are to show, with the task's network as they name it."""
    separate, joint = f"Separate+{network}", "Joint Training"
    return (
        Ordering(network, separate),
        Ordering(separate, joint),
        Ordering(separate, "Joint Training (Cross-Task)"),
        Ordering(f"MSE on task images+{network}", joint, control=True),
    )


def methods(joint: str, cross: str) -> tuple[Method, ...]:
    """The five printed methods; `joint` and `cross` are the measured ones behind the last two."""
    same = (Method(name, measured=name) for name in ("VGG", "CBM3D+VGG", "Separate+VGG"))
    return (*same, Method("Joint Training", measured=joint), Method("Joint Training (Cross-Task)", measured=cross))


def classification(paper: str, number: str, name: str, methods: tuple[Method, ...], loss: str) -> TaskTable:
    """A table of classification; `loss` is what its paper says of the loss of joint training."""
    return _table(
        *(paper, number, name, methods),
        title="classification of denoised images of ILSVRC2012, top-1 and top-5 accuracy in %",
        dataset="ILSVRC2012",
        images=50000,
        metrics=("top1", "top5"),
        tolerance=_CLASSIFIED,
        protocol=(loss, NOISE, TASK, INTERVALS["top1"], _EXTRAS),
    )


def segmentation(paper: str, number: str, name: str, methods: tuple[Method, ...], loss: str) -> TaskTable:
    """A table of segmentation; `loss` as in `classification`."""
    return _table(
        *(paper, number, name, methods),
        title="segmentation of denoised images of Pascal VOC 2012, mean intersection over union in %",
        dataset="Pascal VOC 2012",
        images=1449,
        metrics=("miou",),
        tolerance=_SEGMENTED,
        protocol=(loss, NOISE, TASK, _MIOU, INTERVALS["miou"], _EXTRAS),
    )


def _table(paper: str, number: str, name: str, methods: tuple[Method, ...], **task: Any) -> TaskTable:
    named: dict[str, Any] = {"paper": paper, "name": name, "table": name, "number": number, "methods": methods}
    return TaskTable(**named, **task, levels=SIGMAS, orderings=orderings("VGG"))
