"""`python -m stages.recognize_filtered`: see stages/recognize_filtered/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("recognize_filtered", "Measure high-level tasks behind classical denoisers.")
