"""The printed tables that the report lays out again. The only place that knows papers, tables and their protocols.

To show another table, add an entry to `TABLES`; to put another measured method behind a printed one, change the
`measured` of that one line.
"""

from dataclasses import dataclass, field

# Largest |reproduced - printed| that counts as reproduced, for one image and for an average over a set. Half a unit of
# the printed last place comes on top, since the authors' own unrounded value may lie that far from print.
TOLERANCES = {
    ("psnr", "image"): 0.10,
    ("psnr", "average"): 0.02,
    ("ssim", "image"): 0.002,
    ("ssim", "average"): 0.002,
}

# Images in each test set: an average counts only if all of them were measured.
SET_SIZES = {"Kodak": 24, "CBSD68": 68, "BSD68": 68, "Set12": 12}

# What to call a measured model in a table that does not print it under that name.
MODEL_LABELS = {"DnCNN": "DnCNN (one model per sigma)", "CDnCNN-B": "CDnCNN-B (one blind model)"}


@dataclass(frozen=True)
class Paper:
    """A paper: `file` is its CSV in published/, `short` its name in headings."""

    file: str
    short: str


@dataclass(frozen=True)
class Method:
    """One printed method.

    Attributes:
        printed: its name in the paper.
        measured: the method of the results that stands behind it, if any stage measures it.
        reason: why no stage measures it.
    """

    printed: str
    measured: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Table:
    """One printed table, or the part of it that the report covers.

    Attributes:
        paper: key of `PAPERS`, and the folder of the report.
        name: file name of the report.
        table: value of the `table` column in published/.
        number: how the paper numbers it.
        title: one line: what is measured, on which set.
        dataset: printed title of the test set.
        sigmas: noise levels, in the paper's order.
        methods: printed methods, in the paper's order.
        protocol: what is known of how the numbers were taken, and what is not.
        metrics: printed metrics, in the paper's order.
        per_image: whether the paper prints single images besides the average.
    """

    paper: str
    name: str
    table: str
    number: str
    title: str
    dataset: str
    sigmas: tuple[int, ...]
    methods: tuple[Method, ...]
    protocol: tuple[str, ...] = field(default=())
    metrics: tuple[str, ...] = ("psnr",)
    per_image: bool = True

    @property
    def key(self) -> str:
        """`<paper>/<name>`, unique among the tables, and the report's path without its suffix."""
        return f"{self.paper}/{self.name}"


PAPERS = {
    "liu2018": Paper("liu2018_ijcai.csv", "Liu et al., IJCAI 2018"),
    "liu2020": Paper("liu2020_tip.csv", "Liu et al., IEEE TIP 2020"),
    "zhang2017": Paper("zhang2017_dncnn.csv", "Zhang et al., IEEE TIP 2017"),
    "kligvasser2018": Paper("kligvasser2018_xunit.csv", "Kligvasser et al., CVPR 2018"),
}


def _missing(name: str) -> Method:
    return Method(name, reason=f"no implementation in this project yet: {name}")


_PROPOSED = Method("Proposed", reason="no trained weights of the proposed denoiser yet")
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
