"""`python -m stages.filter`: see stages/filter/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("filter", "Measure the classical denoisers.")
