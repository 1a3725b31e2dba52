"""Learned denoisers on the noisy test sets: `python -m stages.evaluate [--scale SCALE] [--only KEY [--shard I/N]]`.

Output: `build/<scale>/results/<key>.csv` with the columns of `published/`, one row per image and metric.
"""

from functools import partial

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason
from redenoise.dag.references import outside
from redenoise.dag.shards import Shard, working
from redenoise.measure.denoising import left_out, measure, nothing
from redenoise.measure.networks import Networks
from redenoise.measure.torch_mode import set_mode


def run(config: Config, key: str, shard: Shard | None = None) -> None:
    """Denoise one noisy set with one family of networks and measure it; with a `shard`, only denoise that share."""
    entry = config.entry("evaluate", key)
    set_mode("reference", config.settings["threads"])
    folder = paths.weights(config.scale, entry["family"])
    with working(config, "evaluate", key, shard) as work:
        if reason := left_out(config, entry) or unavailable_reason(folder):
            nothing(config, key, work, reason)
            return
        computing = {"mode": "reference", "threads": str(config.settings["threads"])}
        networks = Networks(folder, computing, entry.get("network", {}), entry.get("by_channel", False))
        missing = networks.missing_levels()
        if missing:
            work.record["unavailable_levels"] = {f"sigma={sigma:g}": why for sigma, why in missing.items()}
        family = config.entry("train", entry["family"])
        measure(config, "evaluate", key, networks.denoiser_for, work, missing, partial(outside, family))
