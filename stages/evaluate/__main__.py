"""`python -m stages.evaluate`: see stages/evaluate/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("evaluate", "Measure the learned denoisers.")
