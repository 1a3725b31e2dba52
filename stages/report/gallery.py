"""The page of all figures: those that the stage `illustrate` made from images, and the report's own."""

from collections.abc import Iterator
from dataclasses import dataclass

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.document.model import WARNING, Document, Paragraph, Picture, Section
from redenoise.support.errors import UserError
from redenoise.support.files import read_json
from stages.report.weights import Records

MADE = (
    *("figure3_gradients.png", "figure4_zoom.png", "figure6_labels.png", "figure7_real.png"),
    *("figure5_units.png", "figure10_units.png", "figure12_general.png"),
    *("figure7_truth.png", "figure3_photographs.png", "figure6_photographs.png", "figure6_classes.png"),
)
ILLUSTRATE = "illustrate"  # the node that makes them
CAPTIONS = "captions.json"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
DATA = (
    "learning_curves.csv",
    "xnet_parameters.csv",
    "xnet_share.csv",
    "dncnn_variants.csv",
    "noise_gain.csv",
)  # what the report's own show
MAX_BYTES = 64 << 20  # of one figure, far more than any has
DEMO_WARNING = (
    "Demo scale: networks trained for seconds on stand-in images and on textured shapes. The figures show how the "
    "pipeline draws them, not what the papers found."
)


@dataclass(frozen=True)
class Caption:
    """What stands beside a figure; `unavailable` says why it could not be made, or is empty."""

    title: str
    text: str
    unavailable: str


VALIDATED = (
    "PSNR is that of a training's validations: on the middle of each image, of 256x256 pixels at most, with noise of "
    "its own, where the paper takes whole images."
)
OF_XNETS = f"{VALIDATED} Shown is the last one. Parameters are counted without the biases of convolutions."
OWN = {
    "learning_curves.svg": Caption(
        "Learning curves",
        "PSNR against the step of the training: on the validation images, or on the training crops of the networks "
        "that were trained through a task. The values are in "
        "[learning_curves.csv](learning_curves.csv).",
        "",
    ),
    "parameters_psnr.svg": Caption(
        "Parameters and PSNR",
        "The designs of the proposed denoiser; the values are in "
        "[liu2020/table1_architecture](liu2020/table1_architecture.md).",
        "",
    ),
    "xnet_parameters.svg": Caption(
        "Figure 3 of Kligvasser et al. 2018: parameters and PSNR of ConvNet and xNet",
        f"A line for ConvNet and for every support of the xUnits, a point for every depth. {OF_XNETS} The values, and "
        "what was not trained, are in [xnet_parameters.csv](xnet_parameters.csv).",
        "",
    ),
    "xnet_share.svg": Caption(
        "Figure 4 of Kligvasser et al. 2018: share of the parameters in activations",
        "What the lines of figure 3 have at one number of parameters, interpolated linearly: the paper's 99,136, of "
        "miniatures halfway through what they have. The paper does not say how it comes to this number; an xNet of 4 "
        f"convolutions and 11x11 xUnits has exactly that many. {OF_XNETS} The values are in "
        "[xnet_share.csv](xnet_share.csv).",
        "",
    ),
    "dncnn_variants.svg": Caption(
        "Figure 2 of Zhang et al. 2017: residual learning and batch normalisation",
        f"DnCNN for sigma = 25 while it trains by SGD and by Adam. {VALIDATED} An epoch of the paper is 1,600 steps of "
        "its batches of 128 patches. The values, and what was not trained, are in "
        "[dncnn_variants.csv](dncnn_variants.csv).",
        "",
    ),
    "noise_gain.svg": Caption(
        "Figure 8 of Zhang et al. 2017: what blind networks gain over BM3D and CBM3D",
        "Difference of the average PSNR of DnCNN-B and BM3D on gray images, and of CDnCNN-B and CBM3D on the same in "
        "colour. The paper takes all 68 images of BSD68; here it is the first 16, since ten noise levels of all would "
        "take more than an hour. The values are in [noise_gain.csv](noise_gain.csv).",
        "",
    ),
}


def document(config: Config, records: Records) -> Document:
    """The page; raises `UserError` if the captions are not what `illustrate` writes."""
    sections = [] if config.settings["real_data"] else [Section("", (Paragraph(DEMO_WARNING, WARNING),))]
    made = _captions(config.scale) if ILLUSTRATE in records else ()
    for name, caption in (*made, *OWN.items()):
        texts = (f"not run: {caption.unavailable}" if caption.unavailable else "", caption.text)
        before, after = ((Paragraph(text),) if text else () for text in texts)
        picture = Picture(f"figures/{name}", caption.title)
        sections.append(Section(caption.title, (*before, picture, *after)))
    return Document("figures", f"Figures, scale `{config.scale}`", tuple(sections))


def pictures(config: Config, records: Records) -> dict[str, bytes]:
    """The made figures by their path in the report's folder; raises `UserError` for one that is missing or no PNG."""
    found = {}
    for name in MADE if ILLUSTRATE in records else ():
        path = paths.figures(config.scale) / name
        if not path.is_file():
            raise UserError(f"{path}: this figure is missing; run the stage illustrate again")
        if path.stat().st_size > MAX_BYTES or not (data := path.read_bytes()).startswith(PNG_SIGNATURE):
            raise UserError(f"{path}: not a PNG file of at most {MAX_BYTES >> 20} MiB; run the stage illustrate again")
        found[f"figures/{name}"] = data
    return found


def _captions(scale: str) -> Iterator[tuple[str, Caption]]:
    path = paths.figures(scale) / CAPTIONS
    found = read_json(path)
    for name in MADE:
        entry = found.get(name) if isinstance(found, dict) else None
        fields = entry if isinstance(entry, dict) else {}
        texts = [fields.get(field, "") for field in ("title", "caption", "unavailable")]
        if not texts[0] or not all(isinstance(text, str) for text in texts):
            line = f"{path}: {name} is {entry!r:.60}; expected a title, and a caption or why it is unavailable"
            raise UserError(f"{line}, as text: run the stage illustrate again")
        yield name, Caption(*(" ".join(text.split()) for text in texts))
