"""Speed of training here: `python -m stages.train.benchmark [--seconds S] [--together K ...]`; see stages/benchmark."""

from stages.benchmark.run import main
from stages.common.errors import run_cli

if __name__ == "__main__":
    run_cli(main)
