from redenoise.dag.command_line import launch

launch("report", "Write all tables, the overview, the notes and the metrics of one scale.")
