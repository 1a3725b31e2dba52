"""Networks on the degraded test sets: `python -m stages.restore [--scale SCALE] [--only KEY [--shard I/N]]`.

Output as in `stages.evaluate`. A network that serves one level is taken for that level, one of a range for all.
"""

from redenoise.dag import options
from redenoise.dag.config import Config
from redenoise.dag.shards import Shard
from redenoise.measure.learned import measure_family


def run(config: Config, key: str, shard: Shard | None = None) -> None:
    """Restore one degraded set with one family of networks and measure it; with a `shard`, only restore that share."""
    degraded = config.entry("degrade", config.entry("restore", key)["degraded"])
    measure_family(config, "restore", key, shard, parameter=options.parameter(degraded["degradation"]))
