"""`python -m stages.download`: see stages/download/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("download", "Provide and index the data sets and published weights.")
