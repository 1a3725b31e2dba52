"""Cost of joint training and recognition here: `python -m stages.cascade.benchmark`; see stages/benchmark."""

from stages.benchmark.cascades import main
from stages.common.errors import run_cli

if __name__ == "__main__":
    run_cli(main)
