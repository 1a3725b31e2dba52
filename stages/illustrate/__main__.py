"""`python -m stages.illustrate`: see stages/illustrate/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("illustrate", "Make the figures that consist of images.")
