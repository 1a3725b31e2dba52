"""Networks on the degraded test sets: `python -m stages.restore [--scale SCALE] [--only KEY [--shard I/N]]`.

Output as in `stages.evaluate`. A network that serves one level is taken for that level, one of a range for all.
"""

from redenoise.dag import options, paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason
from redenoise.dag.shards import Shard, working
from redenoise.measure.denoising import left_out, measure, nothing
from redenoise.measure.networks import Networks
from redenoise.measure.torch_mode import set_mode


def run(config: Config, key: str, shard: Shard | None = None) -> None:
    """Restore one degraded set with one family of networks and measure it; with a `shard`, only restore that share."""
    entry = config.entry("restore", key)
    parameter = options.parameter(config.entry("degrade", entry["degraded"])["degradation"])
    set_mode("reference", config.settings["threads"])
    folder = paths.weights(config.scale, entry["family"])
    with working(config, "restore", key, shard) as work:
        if reason := left_out(config, entry) or unavailable_reason(folder):
            nothing(config, key, work, reason)
            return
        computing = {"mode": "reference", "threads": str(config.settings["threads"])}
        networks = Networks(folder, computing, {}, parameter=parameter)
        missing = networks.missing_levels()
        if missing:
            work.record["unavailable_levels"] = {f"{parameter}={level:g}": why for level, why in missing.items()}
        measure(config, "restore", key, networks.denoiser_for, work, missing)
