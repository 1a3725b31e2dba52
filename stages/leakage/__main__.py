"""`python -m stages.leakage`: see stages/leakage/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("leakage", "Look for test images among the training images.")
