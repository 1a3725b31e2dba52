"""Kligvasser et al., CVPR 2018: xUnit. None of its tables is laid out yet; its cells are in published/ all the same."""

from stages.report.kinds import Paper, Printed

PAPER = Paper(
    "kligvasser2018",
    "kligvasser2018_xunit.csv",
    "Kligvasser et al., CVPR 2018",
    "xUnit: Learning a Spatial Activation Function for Efficient Image Restoration",
)

TABLES: tuple[Printed, ...] = ()
