"""Kligvasser et al., CVPR 2018: xUnit. Of its tables denoising and super-resolution are laid out."""

from stages.report.kinds import Method, Paper, Table
from stages.report.protocols import CBM3D, LUMINANCE, MEAN, NOISE, PSNR, SCALES, SCALES_ROUNDED, UNROUNDED, above

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
        levels=(25, 50),
        methods=tuple(Method(name, measured=name) for name in ("BM3D", "WNNM", "EPLL", "MLP", "DnCNN-S", "xDnCNN")),
        protocol=(NOISE, PSNR, MEAN, CBM3D, "The numbers of parameters that the table prints are not counted here."),
        orderings=above("xDnCNN", "BM3D", "WNNM", "EPLL", "MLP"),
        per_image=False,
    ),
    *(
        Table(
            paper=PAPER.key,
            name=f"table2_{dataset.lower()}",
            table="table2_super_resolution",
            number=f"Table 2 ({dataset})",
            title=f"super-resolution on {dataset}, average PSNR in dB",
            dataset=dataset,
            images=images,
            parameter="scale",
            levels=(3, 4),
            methods=tuple(Method(name, measured=name) for name in ("SRCNN", "xSRCNN-f", "xSRCNN-c")),
            protocol=(LUMINANCE, SCALES, SCALES_ROUNDED, UNROUNDED, MEAN),
            orderings=above("xSRCNN-f", "SRCNN") + above("xSRCNN-c", "SRCNN"),
            per_image=False,
        )
        for dataset, images in (("Set5", 5), ("Set14", 14), ("BSD100", 100))
    ),
)
