"""`python -m stages.architecture`: see stages/architecture/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("architecture", "Count the parameters of the networks.")
