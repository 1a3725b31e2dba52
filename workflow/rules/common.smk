# What the rules share. The configuration is read and checked by the stages' own code, so that a wrong key is refused
# here with the same words as there.

import shlex
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)
# A rule's `python` is the one that runs Snakemake, also when its environment has not been activated. A scheduler signals
# every process of a job: the trap keeps the shell until the stage has written what it must and ended.
# Where Snakemake or the shell is killed, nobody would wait for the stage: it looks after both, see stages/common/engine.py.
shell.prefix(
    f"set -euo pipefail; trap : TERM; export REDENOISE_ENGINE=\"$PPID $$\""
    f" PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; "
)

from stages.common import paths
from stages.common.config import MEASURING, load, read_yaml
from stages.common.errors import UserError
from stages.common.provenance import source_files
from stages.download.released import released_files
from stages.plan.shards import Scatter

try:
    SETTINGS = load(config.get("scale"))
    changed = [key for key in config if key != "scale" and config[key] != SETTINGS.params.get(key)]
    if changed:
        raise UserError(f"--config {changed[0]}: only scale can be set there; change {changed[0]} in params.yaml")
    scatter = Scatter(SETTINGS)
    SHARDS = {(stage, key): scatter.markers(stage, key) for stage in MEASURING for key in SETTINGS.keys(stage)}
except UserError as error:
    sys.exit(f"error: {error}")

SCALE = SETTINGS.scale
BUILD = f"build/{SCALE}"
REPORTS = f"reports/{SCALE}"


def keys(stage):
    """Regular expression of a stage's node names."""
    return "|".join(SETTINGS.keys(stage))


def node(stage):
    """All that a node's result depends on, as one sorted dict: Snakemake compares params without their names."""
    return lambda wildcards: SETTINGS.node_params(stage, getattr(wildcards, "key", None))


def node_outputs():
    """Outputs of every node that the report does not read itself."""
    made = {"download": paths.data, "synthesize": paths.noisy, "train": paths.weights}
    made |= {"labelled": paths.labelled, "task": paths.task, "cascade": paths.cascade}
    folders = [str(path(SCALE, key)) for stage, path in made.items() for key in SETTINGS.keys(stage)]
    return [*folders, *(str(path(SCALE)) for path in (paths.leakage, paths.figures)), str(paths.data(SCALE, paths.RELEASED))]


def field(stage, name, pattern):
    """`pattern` with `{}` replaced by a field of the node's entry in params.yaml."""
    return lambda wildcards: pattern.format(SETTINGS.entry(stage, wildcards.key)[name])


def shards(stage):
    """Markers of the shards that a node gathers; none for a node that is not cut, and none at most scales."""
    return lambda wildcards: SHARDS[stage, wildcards.key]
