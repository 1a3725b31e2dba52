"""`python -m stages.task`: see stages/task/node.py."""

from redenoise.dag.config import for_each_node
from redenoise.support.errors import run_cli
from stages.task.node import task


def main() -> None:
    """Command line of the stage."""
    for_each_node("task", "Train or import the networks of the high-level tasks.", task, command="cascade.task")


if __name__ == "__main__":
    run_cli(main)
