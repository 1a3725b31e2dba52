"""Zhang et al., IEEE TIP 2017: DnCNN."""

from typing import Any

from stages.report.kinds import Method, Number, NumberTable, Paper, Table
from stages.report.protocols import CBM3D, JPEG, LUMINANCE, MEAN, NOISE, PSNR, SCALES, SSIM, above
from stages.report.rules import Beaten, Counted, Gain, NotRun, Quantile, Timed

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


def general(dataset: str, images: int, part: str, **kind: Any) -> Table:
    """The part of Table V on one test set that is not degraded by noise."""
    return Table(
        paper=PAPER.key,
        name=f"table5_{dataset.lower()}",
        table="table5_general",
        number=f"Table V ({part} on {dataset})",
        title="one model for three tasks, average PSNR in dB and SSIM",
        dataset=dataset,
        images=images,
        metrics=("psnr", "ssim"),
        per_image=False,
        **kind,
    )


SUPER_RESOLUTION = {
    "parameter": "scale",
    "levels": (2, 3, 4),
    "methods": tuple(Method(name, measured=name) for name in ("TNRD", "VDSR", "DnCNN-3")),
    "protocol": (LUMINANCE, SCALES, SSIM, MEAN, "TNRD knows the scale, VDSR and DnCNN-3 do not."),
    "orderings": above("DnCNN-3", "TNRD"),
}
DEBLOCKING = {
    "parameter": "quality",
    "levels": (10, 20, 30, 40),
    "methods": tuple(Method(name, measured=name) for name in ("AR-CNN", "TNRD", "DnCNN-3")),
    "protocol": (
        LUMINANCE,
        JPEG,
        SSIM,
        MEAN,
        "AR-CNN and TNRD know the quality, DnCNN-3 does not; TNRD has none for 40.",
    ),
    "orderings": above("DnCNN-3", "AR-CNN", "TNRD"),
}


def reach(method: str, name: str, how: str, metric: str = "effective_patch_size", **place: str) -> Number:
    """How many pixels a side a method draws on."""
    return Number(method, metric, Counted(name, place.pop("counted", metric)), how, **place)


TWO_BY_TWO = "every stage has two convolutions of 7x7: followed through the network"
REACHES = tuple(
    reach(method, name, how, condition="sigma=25", **counted)
    for method, name, how, counted in (
        ("BM3D", "bm3d", "1 + 2 (w - 1): windows of w = 39 are searched in two steps", {}),
        ("WNNM", "wnnm", "1 + 6 (w - 1): windows of w = 61 are searched in every second of 12 iterations", {}),
        ("EPLL", "epll", "1 + 5 (p - 1): patches of p = 8 in five passes", {}),
        ("MLP", "mlp", "1 + (p - 1) + (q - 1): it sees p = 39 and returns q = 17, which are averaged", {}),
        ("CSF", "csf", TWO_BY_TWO, {"counted": "receptive_field"}),
        ("TNRD", "tnrd", TWO_BY_TWO, {"counted": "receptive_field"}),
    )
)
COMPETITORS = ("BM3D", "WNNM", "EPLL", "MLP", "CSF", "TNRD")


def at(parameter: str, levels: tuple[int, ...], *datasets: str) -> tuple[tuple[str, str], ...]:
    """The places of some sets at some levels."""
    return tuple((dataset, f"{parameter}={level}") for dataset in datasets for level in levels)


SET12, BSD68 = at("sigma", (15, 25, 50), "Set12"), at("sigma", (15, 25, 50), "BSD68")
UNTRAINED = NotRun("no network was trained here by the published schedule: the weights are the authors'")
MEAN_GAIN = "difference of averages"
PROSE = (
    *(
        Number(method, "training_time", UNTRAINED, "time of the published schedule on a GPU")
        for method in ("DnCNN-S", "DnCNN-B", "CDnCNN-B", "DnCNN-3")
    ),
    Number("DnCNN-S", "receptive_field", Counted("dncnn_s", "receptive_field"), "followed through its layers"),
    *(
        Number(method, "psnr_gain_over_bm3d", Gain(method, "BM3D", places), how, condition, "BSD68", "average")
        for method, places, how, condition in (
            ("MLP", BSD68[1:], f"mean {MEAN_GAIN} at 25 and 50", ""),
            ("TNRD", BSD68, f"mean {MEAN_GAIN} at 15, 25 and 50", ""),
            *(("DnCNN-S", (place,), MEAN_GAIN, place[1]) for place in BSD68),
            ("DnCNN-B", BSD68[2:], MEAN_GAIN, BSD68[2][1]),
        )
    ),
    *(
        Number(
            "DnCNN-S",
            f"psnr_gain_over_competitors_{what}",
            Quantile("DnCNN-S", COMPETITORS, SET12, share),
            f"{share:.0%} of its gains over each method on each image at each level are smaller",
            dataset="Set12",
        )
        for what, share in (("min", 0.25), ("max", 0.75))
    ),
    Number(
        "DnCNN-S",
        "images_not_best",
        Beaten("DnCNN-S", COMPETITORS, SET12, best=False),
        "images on which another method is better at one level or more",
        dataset="Set12",
    ),
    *(
        Number(
            "DnCNN-3",
            f"psnr_gain_over_{what}",
            Gain("DnCNN-3", other, at("quality", levels, "Classic5", "LIVE1")),
            f"mean {MEAN_GAIN} at the qualities {', '.join(map(str, levels))}",
            dataset="Classic5+LIVE1",
            item="average",
        )
        for what, other, levels in (("arcnn", "AR-CNN", (10, 20, 30, 40)), ("tnrd", "TNRD", (10, 20, 30)))
    ),
)

# By printed name, what the benchmark calls it.
TIMED = {"BM3D": "BM3D, gray", "WNNM": "WNNM, gray"}
TIMED |= {name: f"{key}, gray" for name, key in (("EPLL", "epll"), ("MLP", "mlp"), ("CSF", "csf"), ("TNRD", "tnrd"))}
TIMED |= {"DnCNN-S": "dncnn_s, gray", "DnCNN-B": "dncnn_b, gray"}
REFERENCES = tuple((name, TIMED[name]) for name in ("BM3D", "DnCNN-S"))
ON_GPU = {256: ("TNRD", "DnCNN-S", "DnCNN-B")} | dict.fromkeys((512, 1024), ("CSF", "TNRD", "DnCNN-S", "DnCNN-B"))
RUN_TIMES = tuple(
    Number(
        method,
        f"runtime_{device}",
        Timed(TIMED[method], kind, REFERENCES),
        f"seconds on the {device.upper()}, brought to those of print",
        f"size={size}",
    )
    for size, on_gpu in ON_GPU.items()
    for device, kind, methods in (("cpu", "cpu", TIMED), ("gpu", "cuda", on_gpu))
    for method in methods
)

TABLES = (
    NumberTable(
        paper=PAPER.key,
        name="table1_effective_patch_size",
        table="table1_effective_patch_size",
        number="Table I",
        title="effective patch sizes at σ = 25, side in pixels",
        numbers=REACHES,
        protocol=(
            "Taken from the filters and networks as they run here: windows that follow one another add up, as section "
            "III-B of the paper reckons. Of a method that searches, the windows count and the patches in them do not.",
            "BM3D: the paper takes windows of 25, those of a faster profile; the code's default, which is run here and "
            "behind the paper's PSNR, has 39.",
            "MLP: the paper takes an average over 9 pixels; the network returns 17, and the outermost still count.",
            "EPLL: averaging the overlapping patches of a pass, which counts for the MLP, is not counted, as in print; "
            "with it the patch is 71.",
            "CSF: the division between its Fourier transforms reaches the whole image; it is not counted, as in print.",
        ),
    ),
    Table(
        paper=PAPER.key,
        name="table2_bsd68",
        table="table2_bsd68",
        number="Table II",
        title="gray image denoising on BSD68, average PSNR in dB",
        dataset="BSD68",
        images=68,
        levels=(15, 25, 50),
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
        levels=(15, 25, 50),
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
    NumberTable(
        paper=PAPER.key,
        name="table4_runtime",
        table="table4_runtime",
        number="Table IV",
        title="run times of one gray image at σ = 25, in seconds",
        numbers=RUN_TIMES,
        protocol=(
            "Measured by `redenoise benchmark methods` on the machine that the footnotes name, and committed in "
            "reports/benchmark: no run of the pipeline measures them, so that reports are the same on every machine.",
            "`reproduced` is not what that machine took, which the footnotes tell, but that times a factor: how much "
            "longer BM3D and DnCNN-S took in print for a size (geometric mean), the method itself left out. So the "
            "ratio of a method to these two is compared, whatever the machine. A time may be half of print away.",
            "The paper ran MATLAB code of the authors on a processor of 2016; filters here are this project's own.",
            "Networks were timed with random weights, on which times do not depend: so there is one of MLP, too.",
        ),
    ),
    Table(
        paper=PAPER.key,
        name="table5_gaussian",
        table="table5_general",
        number="Table V (gray image denoising on BSD68)",
        title="one model for three tasks, average PSNR in dB and SSIM",
        dataset="BSD68",
        images=68,
        levels=(15, 25, 50),
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
    *(
        general(dataset, images, "super-resolution", **SUPER_RESOLUTION)
        for dataset, images in (("Set5", 5), ("Set14", 14), ("BSD100", 100), ("Urban100", 100))
    ),
    *(
        general(dataset, images, "JPEG deblocking", **DEBLOCKING)
        for dataset, images in (("Classic5", 5), ("LIVE1", 29))
    ),
    NumberTable(
        paper=PAPER.key,
        name="text",
        table="text",
        number="text",
        title="numbers that are printed in prose",
        numbers=PROSE,
        protocol=(
            "Gains are computed from what is measured here for tables II, III and V; one may be 0.04 dB away, twice "
            "what an average may, half a unit of the printed last place on top.",
            "0.2 to 0.6 dB on most images: which images are most is not said; here the middle half of all differences.",
            "Images on which a method is not best: one more or less than print is allowed, which noise can make change "
            "sides.",
        ),
    ),
)
