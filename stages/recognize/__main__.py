"""`python -m stages.recognize`: see stages/recognize/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("recognize", "Measure high-level tasks behind learned denoisers.")
