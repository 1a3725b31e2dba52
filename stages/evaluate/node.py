"""Learned denoisers on the noisy test sets: `python -m stages.evaluate [--scale SCALE] [--only KEY [--shard I/N]]`.

Output: `build/<scale>/results/<key>.csv` with the columns of `published/`, one row per image and metric.
"""

from functools import partial

from redenoise.dag.config import Config
from redenoise.dag.levels import outside
from redenoise.dag.shards import Shard
from redenoise.measure.learned import measure_family


def run(config: Config, key: str, shard: Shard | None = None) -> None:
    """Denoise one noisy set with one family of networks and measure it; with a `shard`, only denoise that share."""
    family = config.entry("train", config.entry("evaluate", key)["family"])
    measure_family(config, "evaluate", key, shard, remark=partial(outside, family))
