"""Liu et al., IEEE TIP 2020: the denoiser and its designs, and classification and segmentation behind it."""

from stages.report.kinds import Design, DesignTable, Method, Paper, Table
from stages.report.protocols import CBM3D, COLOR_DNCNN, MCWNNM, MEAN, NOISE, PSNR, above
from stages.report.task_tables import classification, methods, segmentation

PAPER = Paper(
    "liu2020",
    "liu2020_tip.csv",
    "Liu et al., IEEE TIP 2020",
    "Connecting Image Denoising and High-Level Vision Tasks via Deep Learning",
)

PROPOSED = Method("Proposed", measured="Proposed")
ORDERINGS = above("Proposed", "CBM3D", "MCWNNM", "DnCNN", "FFDNet")
LIU = "The paper takes the PSNR of whole images, and the other methods from their authors' code, at default settings."
LOSS = "Joint training here has the perceptual loss, weighted 0.5, besides the task's and the reconstruction's."
METHODS = methods("Joint Training", "Joint Training (Cross-Task)")
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


TABLES = (
    DesignTable(
        paper=PAPER.key,
        name="table1_architecture",
        table="table1_architecture",
        number="Table I",
        title="designs of the proposed denoiser, parameters and average PSNR in dB on Kodak at σ = 35",
        dataset="Kodak",
        images=24,
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
            NOISE,
            PSNR,
            MEAN,
        ),
    ),
    Table(
        paper=PAPER.key,
        name="table2_kodak",
        table="table2_kodak",
        number="Table II",
        title="colour image denoising on Kodak, PSNR in dB",
        dataset="Kodak",
        images=24,
        levels=(25, 35, 50),
        methods=(
            Method("CBM3D", measured="CBM3D"),
            Method("MCWNNM", measured="MCWNNM"),
            Method("DnCNN", measured="DnCNN"),
            Method("FFDNet", measured="FFDNet"),
            PROPOSED,
        ),
        protocol=(NOISE, PSNR, MEAN, LIU, CBM3D, MCWNNM, COLOR_DNCNN),
        orderings=ORDERINGS,
    ),
    Table(
        paper=PAPER.key,
        name="table3_cbsd68",
        table="table3_cbsd68",
        number="Table III",
        title="colour image denoising on CBSD68, average PSNR in dB",
        dataset="CBSD68",
        images=68,
        levels=(25, 35, 50),
        methods=(
            Method("CBM3D", measured="CBM3D"),
            Method("MCWNNM", measured="MCWNNM"),
            Method("DnCNN", measured="CDnCNN-B"),
            Method("FFDNet", measured="FFDNet"),
            PROPOSED,
        ),
        protocol=(NOISE, PSNR, MEAN, CBM3D, MCWNNM, COLOR_DNCNN),
        orderings=ORDERINGS,
        per_image=False,
    ),
    classification(PAPER.key, "Table IV", "table4_classification", METHODS, LOSS),
    segmentation(PAPER.key, "Table V", "table5_segmentation", METHODS, LOSS),
)
