# What the rules share. The configuration is read and checked by the project's own code, so that a wrong key is refused
# here with the same words as there; what a rule reads and writes stands in redenoise/dag/table.py.

import os
import shlex
import sys

sys.path.insert(0, workflow.basedir)
# A rule's `python` is the one that runs Snakemake, also when its environment has not been activated: a function, since no
# entry of PATH can have a colon in it. A scheduler signals every process of a job: the trap keeps the shell until the
# stage has written what it must and ended.
# Where Snakemake or the shell is killed, nobody would wait for the stage: it looks after both, see support/engine.py.
# Snakemake formats the prefix as it does commands, so that a brace stands for itself if it is there twice.
PREFIX = 'set -euo pipefail; trap : TERM; export REDENOISE_ENGINE="$PPID $$"; python() { %s "$@"; }; '
shell.prefix((PREFIX % shlex.quote(sys.executable)).replace("{", "{{").replace("}", "}}"))

from redenoise.commands.plan.shards import Scatter
from redenoise.dag.config import CHECKED, fingerprint, load_config
from redenoise.dag.snakemake import Rules, pass_over_ancient
from redenoise.support.errors import UserError
from stages.report import outputs

try:
    CONFIG = load_config(config.get("scale"))
    os.environ[CHECKED] = fingerprint(CONFIG.scale)  # of the stages, too
    changed = [key for key in config if key != "scale" and config[key] != CONFIG.params.get(key)]
    if changed:
        raise UserError(f"--config {changed[0]}: only scale can be set there; change {changed[0]} in params.yaml")
    RULES = Rules(CONFIG, Scatter(CONFIG), outputs(CONFIG.scale))
except UserError as error:
    sys.exit(f"error: {error}")

pass_over_ancient()
SCALE = CONFIG.scale
THREADS = CONFIG.settings["threads"]
