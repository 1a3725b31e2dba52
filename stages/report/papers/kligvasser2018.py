"""Kligvasser et al., CVPR 2018: xUnit. Of its tables the denoisers are laid out, all of published/ counts."""

from stages.report.kinds import Method, Paper, Table
from stages.report.protocols import CBM3D, MEAN, NOISE, PSNR, above

PAPER = Paper(
    "kligvasser2018",
    "kligvasser2018_xunit.csv",
    "Kligvasser et al., CVPR 2018",
    "xUnit: Learning a Spatial Activation Function for Efficient Image Restoration",
)

TABLES = (
    Table(
        paper=PAPER.key,
        name="table1_denoising",
        table="table1_denoising",
        number="Table 1",
        title="gray image denoising on BSD68, average PSNR in dB",
        dataset="BSD68",
        images=68,
        sigmas=(25, 50),
        methods=tuple(Method(name, measured=name) for name in ("BM3D", "WNNM", "EPLL", "MLP", "DnCNN-S", "xDnCNN")),
        protocol=(NOISE, PSNR, MEAN, CBM3D, "The numbers of parameters that the table prints are not counted here."),
        orderings=above("xDnCNN", "BM3D", "WNNM", "EPLL", "MLP"),
        per_image=False,
    ),
)
