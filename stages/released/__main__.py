"""`python -m stages.released`: see stages/released/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("released", "Index the released weights.")
