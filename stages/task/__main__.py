"""`python -m stages.task`: see stages/task/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("task", "Train or import the networks of the high-level tasks.")
