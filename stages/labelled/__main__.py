"""`python -m stages.labelled`: see stages/labelled/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("labelled", "Provide and index the data sets with labels.")
