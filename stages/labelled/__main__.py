"""Labelled data sets: `python -m stages.labelled [--scale SCALE] [--only KEY]`.

Output: `build/<scale>/labelled/<key>/` with `index.csv` and `classes.json`; the images made for scales without real
data lie there too, those of ImageNet and Pascal VOC stay in `data/`.
"""

from redenoise.dag.config import for_each_node
from redenoise.support.errors import run_cli
from stages.labelled.node import run


def main() -> None:
    """Command line of the stage."""
    for_each_node("labelled", "Provide and index the data sets with labels.", run)


if __name__ == "__main__":
    run_cli(main)
