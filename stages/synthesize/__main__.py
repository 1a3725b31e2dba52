"""`python -m stages.synthesize`: see stages/synthesize/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("synthesize", "Make the noisy test sets.")
