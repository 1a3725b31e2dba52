"""One node that measures a family of networks, on a noisy set or on one that is degraded in another way."""

from collections.abc import Callable

from redenoise.dag import paths
from redenoise.dag.config import Config
from redenoise.dag.indexed import unavailable_reason
from redenoise.dag.shards import Shard, working
from redenoise.measure.denoising import left_out, measure, nothing
from redenoise.support.start import importing


def measure_family(
    config: Config,
    stage: str,
    key: str,
    shard: Shard | None,
    parameter: str = "sigma",
    remark: Callable[[float], str] = lambda level: "",
) -> None:
    """Take every image of a set through the family's network for its level, and write the results.

    Args:
        stage: `evaluate` or `restore`.
        shard: the share to do, which leaves images and no results; None for the whole node.
        parameter: what the set's levels are called.
        remark: from a level to what restricts its values.
    """
    entry = config.entry(stage, key)
    folder = paths.weights(config.scale, entry["family"])
    with working(config, stage, key, shard) as work:
        if reason := left_out(config, entry) or unavailable_reason(folder):
            nothing(config, key, work, reason)
            return
        with importing():  # here: PyTorch takes longer than the whole rest of a node that has nothing to measure
            from redenoise.measure.networks import Networks
            from redenoise.measure.torch_mode import set_mode
        set_mode("reference", config.settings["threads"])
        computing = {"mode": "reference", "threads": str(config.settings["threads"])}
        changed, by_channel = entry.get("network", {}), entry.get("by_channel", False)
        networks = Networks(folder, computing, changed, by_channel, parameter)
        missing = networks.missing_levels()
        if missing:
            work.record["unavailable_levels"] = {f"{parameter}={level:g}": why for level, why in missing.items()}
        measure(config, stage, key, networks.denoiser_for, work, missing, remark)
