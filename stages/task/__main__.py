from redenoise.dag.command_line import launch

launch("task", "Train or import the networks of the high-level tasks.")
