"""All printed tables, by kind, as the modules in papers/ declare them; and by what their cells are judged and named."""

from stages.report import papers
from stages.report.kinds import DesignTable, Table, TaskTable

# Tables are in the order in which the overview lists them.
PAPERS, ALL_TABLES = papers.load()
TABLES = tuple(table for table in ALL_TABLES if isinstance(table, Table))
DESIGN_TABLES = tuple(table for table in ALL_TABLES if isinstance(table, DesignTable))
TASK_TABLES = tuple(table for table in ALL_TABLES if isinstance(table, TaskTable))

# Metrics that are counted and cannot vary, and gains in dB.
COUNTS = (
    *("effective_patch_size", "receptive_field", "params_budget", "training_images"),
    *("params_relative_to_dncnn", "params_relative_to_derainnet", "params_relative_to_srcnn"),
    *("activation_params_share", "activation_params_share_plateau", "activation_params_share_large_gain"),
)
GAINS = tuple(f"psnr_gain_over_{what}" for what in ("bm3d", "tnrd", "arcnn", "competitors_min", "competitors_max"))

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
    **dict.fromkeys(((metric, "network") for metric in COUNTS), 0.0),
    # A gain is the difference of two averages; images change sides with the draw of the noise.
    **dict.fromkeys(((metric, "statement") for metric in GAINS), 0.04),
    ("images_best", "statement"): 2.0,
    ("images_not_best", "statement"): 1.0,
}
# Likewise, in shares of print: of a time that was measured on another machine.
RELATIVE = {("runtime_cpu", "network"): 0.5, ("runtime_gpu", "network"): 0.5, ("training_time", "network"): 0.5}
TOLERANCES |= dict.fromkeys(RELATIVE, 0.0)
# The unit of the printed last place where it is not that of the last digit: parameters are printed in thousands.
PRINTED_UNITS = {"params": 1000.0}


def tolerance(metric: str, scope: str, printed: float) -> float:
    """Largest |reproduced - printed| of a cell that counts as reproduced, without half a unit of its last place."""
    return TOLERANCES[metric, scope] + RELATIVE.get((metric, scope), 0.0) * printed


SET_SIZES = {table.dataset: table.images for table in ALL_TABLES}

# Measured methods whose deviation from print has one cause, and the section of the notes that tells it.
_OWN = dict.fromkeys(("BM3D", "CBM3D", "CBM3D+VGG"), "bm3d-and-cbm3d-of-2007")
_OWN |= {"WNNM": "wnnm-of-2014", "EPLL": "epll-with-a-prior-of-this-project"}


def explained(method: str, folder: str = "") -> str:
    """Which section of the notes tells why a measured method deviates from print; empty if none does.

    Args:
        folder: of the notes, from the page on.
    """
    link = f"[notes.md]({folder}notes.md#{_OWN.get(method)})"
    return f"an implementation of this project, see {link}" if method in _OWN else ""


# What to call a measured model in a table that does not print it under that name.
MODEL_LABELS = {"DnCNN": "DnCNN (one model per sigma)", "CDnCNN-B": "CDnCNN-B (one blind model)"}
