"""Zhang et al., IEEE TIP 2017: DnCNN."""

from stages.report.kinds import Method, Paper, Table
from stages.report.protocols import CBM3D, MEAN, NOISE, PSNR, SSIM, above

PAPER = Paper(
    "zhang2017",
    "zhang2017_dncnn.csv",
    "Zhang et al., IEEE TIP 2017",
    "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising",
    doi="10.1109/TIP.2017.2662206",
)

ZHANG = "The paper takes the other methods from their authors' code, at default settings."
ORDERINGS = above("DnCNN-S", "BM3D", "WNNM", "EPLL", "MLP", "CSF", "TNRD") + above("DnCNN-B", "BM3D", "TNRD")
GAPS = "Not printed: MLP at sigma 15, CSF at sigma 50."

TABLES = (
    Table(
        paper=PAPER.key,
        name="table2_bsd68",
        table="table2_bsd68",
        number="Table II",
        title="gray image denoising on BSD68, average PSNR in dB",
        dataset="BSD68",
        images=68,
        sigmas=(15, 25, 50),
        methods=(
            Method("BM3D", measured="BM3D"),
            *(Method(name, measured=name) for name in ("WNNM", "EPLL", "MLP", "CSF", "TNRD")),
            Method("DnCNN-S", measured="DnCNN-S"),
            Method("DnCNN-B", measured="DnCNN-B"),
        ),
        protocol=(NOISE, PSNR, MEAN, ZHANG, CBM3D, GAPS),
        orderings=ORDERINGS,
        per_image=False,
    ),
    Table(
        paper=PAPER.key,
        name="table3_set12",
        table="table3_set12",
        number="Table III",
        title="gray image denoising on 12 widely used images (Set12), PSNR in dB",
        dataset="Set12",
        images=12,
        sigmas=(15, 25, 50),
        methods=(
            Method("BM3D", measured="BM3D"),
            *(Method(name, measured=name) for name in ("WNNM", "EPLL", "MLP", "CSF", "TNRD")),
            Method("DnCNN-S", measured="DnCNN-S"),
            Method("DnCNN-B", measured="DnCNN-B"),
        ),
        protocol=(
            NOISE,
            PSNR,
            MEAN,
            ZHANG,
            CBM3D,
            "The paper puts methods in rows and images in columns; here an image is a row.",
            GAPS,
        ),
        orderings=ORDERINGS,
    ),
    Table(
        paper=PAPER.key,
        name="table5_gaussian",
        table="table5_general",
        number="Table V (Gaussian denoising rows)",
        title="one model for three tasks: gray image denoising on BSD68, average PSNR in dB and SSIM",
        dataset="BSD68",
        images=68,
        sigmas=(15, 25, 50),
        methods=(
            Method("BM3D", measured="BM3D"),
            Method("TNRD", measured="TNRD"),
            Method("DnCNN-3", measured="DnCNN-3"),
        ),
        protocol=(NOISE, PSNR, SSIM, MEAN, CBM3D, "BM3D and TNRD know the noise level, DnCNN-3 does not."),
        metrics=("psnr", "ssim"),
        orderings=above("DnCNN-3", "BM3D", "TNRD"),
        per_image=False,
    ),
)
