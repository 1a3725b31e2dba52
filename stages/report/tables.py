"""The printed tables that the report lays out again. The only place that knows papers, tables and their protocols.

To show another table, add an entry to `TABLES`; to put another measured method behind a printed one, change the
`measured` of that one line. The tables of the high-level tasks are in task_tables.py.
"""

from stages.report.kinds import Design, DesignTable, Method, Paper, Table
from stages.report.task_tables import TASK_TABLES

# Largest |reproduced - printed| that counts as reproduced, for one image, an average over a set, a whole network. Half
# a unit of the printed last place comes on top, since the authors' own unrounded value may lie that far from print.
# Accuracies are in percentage points: of what the tolerance of a task allows for, task_tables.py tells.
TOLERANCES = {
    ("psnr", "image"): 0.10,
    ("psnr", "average"): 0.02,
    ("ssim", "image"): 0.002,
    ("ssim", "average"): 0.002,
    ("params", "network"): 0.0,
    ("top1", "average"): 0.5,
    ("top5", "average"): 0.5,
    ("miou", "average"): 1.0,
}
# The unit of the printed last place where it is not that of the last digit: parameters are printed in thousands.
PRINTED_UNITS = {"params": 1000.0}

# Images in each test set: an average counts only if all of them were measured.
SET_SIZES = {"Kodak": 24, "CBSD68": 68, "BSD68": 68, "Set12": 12, "ILSVRC2012": 50000, "Pascal VOC 2012": 1449}

# Measured methods whose deviation from print has one cause, and the section of the notes that tells it.
_LATER = "a later implementation, see [notes.md](notes.md#bm3d-and-cbm3d-a-later-implementation)"
EXPLAINED = {"BM3D": _LATER, "CBM3D": _LATER, "CBM3D+VGG": _LATER}

# What to call a measured model in a table that does not print it under that name.
MODEL_LABELS = {"DnCNN": "DnCNN (one model per sigma)", "CDnCNN-B": "CDnCNN-B (one blind model)"}

PAPERS = {
    "liu2018": Paper(
        "liu2018_ijcai.csv",
        "Liu et al., IJCAI 2018",
        "When Image Denoising Meets High-Level Vision Tasks: A Deep Learning Approach",
    ),
    "liu2020": Paper(
        "liu2020_tip.csv",
        "Liu et al., IEEE TIP 2020",
        "Connecting Image Denoising and High-Level Vision Tasks via Deep Learning",
    ),
    "zhang2017": Paper(
        "zhang2017_dncnn.csv",
        "Zhang et al., IEEE TIP 2017",
        "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising",
        doi="10.1109/TIP.2017.2662206",
    ),
    "kligvasser2018": Paper(
        "kligvasser2018_xunit.csv",
        "Kligvasser et al., CVPR 2018",
        "xUnit: Learning a Spatial Activation Function for Efficient Image Restoration",
    ),
}


def _missing(name: str) -> Method:
    return Method(name, reason=f"no implementation in this project yet: {name}")


_PROPOSED = Method("Proposed", measured="Proposed")
_NOISE = "Noise: white, Gaussian, not clipped and not rounded, one field per image and noise level."
_PSNR = "PSNR: result clipped to [0, 255] and rounded, one MSE over all pixels and channels of the whole image."
_SSIM = "SSIM: 11x11 Gaussian window of sigma 1.5, valid region, [0, 255] range, as the DnCNN authors compute it."
_MEAN = "Averages: mean over the images of the set, taken here from the unrounded values of the images."
_CBM3D = "CBM3D and BM3D come from the `bm3d` package, a later version than the papers' MATLAB code."
_LIU = "The paper takes the PSNR of whole images, and the other methods from their authors' code, at default settings."
_COLOR_DNCNN = "Which published DnCNN colour model the paper used is not printed; see notes.md for the comparison."
_ZHANG = "The paper takes the other methods from their authors' code, at default settings."
_GAPS = "Not printed: MLP at sigma 15, CSF at sigma 50."

TABLES = (
    Table(
        paper="liu2018",
        name="table1_kodak",
        table="table1_kodak",
        number="Table 1",
        title="colour image denoising on Kodak, PSNR in dB",
        dataset="Kodak",
        sigmas=(25, 35, 50),
        methods=(
            Method("CBM3D", measured="CBM3D"),
            _missing("TNRD"),
            _missing("MCWNNM"),
            Method("DnCNN", measured="DnCNN"),
            _PROPOSED,
        ),
        protocol=(_NOISE, _PSNR, _MEAN, _CBM3D, _COLOR_DNCNN, "Not printed: TNRD at sigma 35."),
    ),
    Table(
        paper="liu2020",
        name="table2_kodak",
        table="table2_kodak",
        number="Table II",
        title="colour image denoising on Kodak, PSNR in dB",
        dataset="Kodak",
        sigmas=(25, 35, 50),
        methods=(
            Method("CBM3D", measured="CBM3D"),
            _missing("MCWNNM"),
            Method("DnCNN", measured="DnCNN"),
            Method("FFDNet", measured="FFDNet"),
            _PROPOSED,
        ),
        protocol=(_NOISE, _PSNR, _MEAN, _LIU, _CBM3D, _COLOR_DNCNN),
    ),
    Table(
        paper="liu2020",
        name="table3_cbsd68",
        table="table3_cbsd68",
        number="Table III",
        title="colour image denoising on CBSD68, average PSNR in dB",
        dataset="CBSD68",
        sigmas=(25, 35, 50),
        methods=(
            Method("CBM3D", measured="CBM3D"),
            _missing("MCWNNM"),
            Method("DnCNN", measured="CDnCNN-B"),
            Method("FFDNet", measured="FFDNet"),
            _PROPOSED,
        ),
        protocol=(_NOISE, _PSNR, _MEAN, _CBM3D, _COLOR_DNCNN),
        per_image=False,
    ),
    Table(
        paper="zhang2017",
        name="table2_bsd68",
        table="table2_bsd68",
        number="Table II",
        title="gray image denoising on BSD68, average PSNR in dB",
        dataset="BSD68",
        sigmas=(15, 25, 50),
        methods=(
            Method("BM3D", measured="BM3D"),
            *map(_missing, ("WNNM", "EPLL", "MLP", "CSF", "TNRD")),
            Method("DnCNN-S", measured="DnCNN-S"),
            Method("DnCNN-B", measured="DnCNN-B"),
        ),
        protocol=(_NOISE, _PSNR, _MEAN, _ZHANG, _CBM3D, _GAPS),
        per_image=False,
    ),
    Table(
        paper="zhang2017",
        name="table3_set12",
        table="table3_set12",
        number="Table III",
        title="gray image denoising on 12 widely used images (Set12), PSNR in dB",
        dataset="Set12",
        sigmas=(15, 25, 50),
        methods=(
            Method("BM3D", measured="BM3D"),
            *map(_missing, ("WNNM", "EPLL", "MLP", "CSF", "TNRD")),
            Method("DnCNN-S", measured="DnCNN-S"),
            Method("DnCNN-B", measured="DnCNN-B"),
        ),
        protocol=(
            _NOISE,
            _PSNR,
            _MEAN,
            _ZHANG,
            _CBM3D,
            "The paper puts methods in rows and images in columns; here an image is a row.",
            _GAPS,
        ),  # fmt: skip
    ),
    Table(
        paper="zhang2017",
        name="table5_gaussian",
        table="table5_general",
        number="Table V (Gaussian denoising rows)",
        title="one model for three tasks: gray image denoising on BSD68, average PSNR in dB and SSIM",
        dataset="BSD68",
        sigmas=(15, 25, 50),
        methods=(
            Method("BM3D", measured="BM3D"),
            _missing("TNRD"),
            Method("DnCNN-3", measured="DnCNN-3"),
        ),
        protocol=(_NOISE, _PSNR, _SSIM, _MEAN, _CBM3D, "BM3D and TNRD know the noise level, DnCNN-3 does not."),
        metrics=("psnr", "ssim"),
        per_image=False,
    ),
)

CHOSEN = "s3_skip_e128_d256"
MEAN_BORDER = "Proposed (mean border)"  # the proposed denoiser with images extended as its authors do


def _design(scales: int, skip: bool, encoder: int, decoder: int) -> Design:
    """A row of table I; every one is a family of its own name, but the chosen one, which is the proposed denoiser."""
    item = f"s{scales}_{'skip' if skip else 'noskip'}_e{encoder}_d{decoder}"
    modules = (f"({width}, {width // 4}, {width // 4}, {width})" for width in (encoder, decoder))
    shown = (str(scales), "yes" if skip else "no", *modules)
    label = f"{encoder}/{decoder}" + ("" if skip else ", no skip")
    # Designs of nearly equal size differ in this: their labels do not meet.
    side = {(128, 128): "left", (256, 256): "above"}.get((encoder, decoder), "upper right" if skip else "lower right")
    if item == CHOSEN:
        return Design(item, shown, label, side, "proposed", "Proposed")
    return Design(item, shown, label, side, item, f"Proposed {item}")


DESIGN_TABLES = (
    DesignTable(
        paper="liu2020",
        name="table1_architecture",
        table="table1_architecture",
        number="Table I",
        title="designs of the proposed denoiser, parameters and average PSNR in dB on Kodak at σ = 35",
        dataset="Kodak",
        method="Proposed",
        sigma=35,
        columns=("scales", "skip connection", "encoding module", "decoding module"),
        designs=tuple(
            _design(scales, skip, encoder, decoder)
            for scales in (2, 3, 4)
            for skip, encoder, decoder in ((True, 128, 128), (False, 128, 256), (True, 128, 256), (True, 256, 256))
        ),
        chosen=CHOSEN,
        protocol=(
            "Parameters: without the first convolution and without normalisation, the count that meets print where the "
            "network was released.",
            _NOISE,
            _PSNR,
            _MEAN,
        ),
    ),
)

# In the order in which the overview lists them.
ALL_TABLES = tuple(sorted((*TABLES, *DESIGN_TABLES, *TASK_TABLES), key=lambda table: table.key))
