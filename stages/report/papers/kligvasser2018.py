"""Kligvasser et al., CVPR 2018: xUnit. Denoising, super-resolution, and how many parameters the networks have."""

from stages.report.kinds import Method, Number, NumberTable, Paper, Table
from stages.report.protocols import CBM3D, LUMINANCE, MEAN, NOISE, PSNR, SCALES, SCALES_ROUNDED, UNROUNDED, above
from stages.report.rules import Beaten, Counted, NotRun, Share

PAPER = Paper(
    "kligvasser2018",
    "kligvasser2018_xunit.csv",
    "Kligvasser et al., CVPR 2018",
    "xUnit: Learning a Spatial Activation Function for Efficient Image Restoration",
)

OTHERS = ("BM3D", "WNNM", "EPLL", "MLP", "DnCNN-S")
COUNTING = (
    "Parameters are counted on the networks as built here. Left out are the biases of convolutions, which the paper's "
    "own count of an xUnit (section 3) leaves out; normalisation, with two parameters a channel, counts.",
    "DnCNN-S is counted as its authors released it: normalisation merged into the convolutions, and all biases; no "
    "other count of its layers rounds to print.",
    "Printed thousands look cut and not rounded; a count that rounds to another thousand is off all the same.",
)
ALL, NO_BIAS = "all parameters, normalisation merged", "all but the biases of convolutions"
DNCNN = Counted("dncnn_s", "params")
SRCNN, XSRCNN_F, XSRCNN_C, XDNCNN, XDNCNN_DERAINING, DERAINNET = (
    Counted(name, "params_without_bias")
    for name in ("srcnn", "xsrcnn_f", "xsrcnn_c", "xdncnn", "xdncnn_deraining", "derainnet")
)
RAIN12 = NotRun(
    "Rain12 and weights of the two networks for rain are not public here, and this project does not train on rain. A "
    "folder of the images becomes a test set by `redenoise manifest` (docs/adding-a-test-set.md), weights a family by "
    "`redenoise import` (docs/import.md)"
)
UNTRAINED = NotRun("the networks of figure 4 are not trained here, and nothing says yet where their curve levels off")
ACTIVATIONS = "what activations have, in % of all; four convolutions of 64 channels"
IMAGES = NotRun("no training of this number of images was run here: the weights are the authors'")


ON_BSD68 = ("sigma=25", "BSD68")


def net(variant: str) -> str:
    """The name of an xNet of figures 3 and 4."""
    return f"xnet-{variant}-sigma25"


def activations(name: str) -> Share:
    """Which share of its parameters a network spends on activations."""
    return Share(Counted(name, "activation_params"), Counted(name, "params_without_bias"))


def parameters(name: str, table: str, number: str, counts: dict[str, Counted]) -> NumberTable:
    """The line of a table that holds numbers of parameters."""
    return NumberTable(
        paper=PAPER.key,
        name=name,
        table=table,
        number=f"{number} (parameters)",
        title="numbers of parameters",
        numbers=tuple(
            Number(method, "params", rule, ALL if rule is DNCNN else NO_BIAS) for method, rule in counts.items()
        ),
        protocol=COUNTING,
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
        methods=tuple(Method(name, measured=name) for name in (*OTHERS, "xDnCNN")),
        protocol=(NOISE, PSNR, MEAN, CBM3D),
        orderings=above("xDnCNN", "BM3D", "WNNM", "EPLL", "MLP"),
        per_image=False,
    ),
    parameters("table1_parameters", "table1_denoising", "Table 1", {"DnCNN-S": DNCNN, "xDnCNN": XDNCNN}),
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
    parameters(
        "table2_parameters",
        "table2_super_resolution",
        "Table 2",
        {"SRCNN": SRCNN, "xSRCNN-f": XSRCNN_F, "xSRCNN-c": XSRCNN_C},
    ),
    NumberTable(
        paper=PAPER.key,
        name="text",
        table="text",
        number="text",
        title="numbers that are printed in prose",
        numbers=(
            *(
                Number(method, "psnr", RAIN12, "average over the set", dataset="Rain12", item="average")
                for method in ("xDnCNN", "DerainNet")
            ),
            Number("xDnCNN", "params", XDNCNN_DERAINING, f"three channels; {NO_BIAS}", "task=deraining"),
            Number("DerainNet", "params", DERAINNET, NO_BIAS, "task=deraining"),
            *(
                Number(method, f"params_relative_to_{other}", Share(part, whole), "one count in % of the other", task)
                for method, other, part, whole, task in (
                    ("xDnCNN", "dncnn", XDNCNN, DNCNN, "task=denoising"),
                    ("xDnCNN", "derainnet", XDNCNN_DERAINING, DERAINNET, "task=deraining"),
                    ("xSRCNN-f", "srcnn", XSRCNN_F, SRCNN, ""),
                    ("xSRCNN-c", "srcnn", XSRCNN_C, SRCNN, ""),
                )
            ),
            *(
                Number(method, "training_images", IMAGES, "images of the training", "task=super_resolution")
                for method in ("SRCNN", "xSRCNN-f", "xSRCNN-c")
            ),
            Number(
                "xDnCNN",
                "images_best",
                Beaten("xDnCNN", OTHERS, (("BSD68", "sigma=50"),), best=True),
                "images on which no other method of table 1 is better",
                "sigma=50",
                "BSD68",
            ),
            Number(
                "xNet",
                "params_budget",
                Counted(net("support_11-depth_4"), "params_without_bias"),
                f"four convolutions of 64 channels, gates of 11x11: layers that are not printed; {NO_BIAS}",
                *ON_BSD68,
            ),
            Number(
                "ConvNet", "activation_params_share", activations("convnet-depth_4-sigma25"), ACTIVATIONS, *ON_BSD68
            ),
            Number(
                "xNet",
                "activation_params_share",
                activations(net("support_9-depth_4")),
                ACTIVATIONS,
                "sigma=25;filter=9",
                "BSD68",
            ),
            *(
                Number("xNet", f"activation_params_share_{what}", UNTRAINED, "from how many % on PSNR gains", *ON_BSD68)
                for what in ("plateau", "large_gain")
            ),
        ),
        protocol=(
            *COUNTING,
            "DerainNet (Fu et al., IEEE TIP 2017): its three layers alone; the filter before them has no parameters.",
            "Images on which a method is best: of as many the verdict may differ from print as noise can make change "
            "sides, two.",
        ),
    ),
)
