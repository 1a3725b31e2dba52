"""Liu et al., IJCAI 2018: the denoiser, and classification and segmentation behind it, without a perceptual loss."""

from stages.report.kinds import Method, Paper, Table
from stages.report.protocols import BY_CHANNEL, CBM3D, COLOR_DNCNN, MCWNNM, MEAN, NOISE, PSNR, above
from stages.report.task_tables import classification, methods, segmentation

PAPER = Paper(
    "liu2018",
    "liu2018_ijcai.csv",
    "Liu et al., IJCAI 2018",
    "When Image Denoising Meets High-Level Vision Tasks: A Deep Learning Approach",
)

LOSS = "Joint training here has no perceptual loss: the paper's loss is the task's and the reconstruction's."
METHODS = methods("Joint Training (no perceptual loss)", "Joint Training (no perceptual loss, Cross-Task)")

TABLES = (
    Table(
        paper=PAPER.key,
        name="table1_kodak",
        table="table1_kodak",
        number="Table 1",
        title="colour image denoising on Kodak, PSNR in dB",
        dataset="Kodak",
        images=24,
        levels=(25, 35, 50),
        methods=(
            Method("CBM3D", measured="CBM3D"),
            Method("TNRD", measured="TNRD"),
            Method("MCWNNM", measured="MCWNNM"),
            Method("DnCNN", measured="DnCNN"),
            Method("Proposed", measured="Proposed"),
        ),
        protocol=(NOISE, PSNR, MEAN, CBM3D, BY_CHANNEL, MCWNNM, COLOR_DNCNN, "Not printed: TNRD at sigma 35."),
        orderings=above("Proposed", "CBM3D", "TNRD", "MCWNNM", "DnCNN"),
    ),
    classification(PAPER.key, "Table 2", "table2_classification", METHODS, LOSS),
    segmentation(PAPER.key, "Table 3", "table3_segmentation", METHODS, LOSS),
)
