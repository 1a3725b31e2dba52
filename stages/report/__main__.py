"""`python -m stages.report`: see stages/report/node.py."""

from redenoise.dag.command_line import launch

if __name__ == "__main__":
    launch("report", "Write all tables, the overview, the notes and the metrics of one scale.")
