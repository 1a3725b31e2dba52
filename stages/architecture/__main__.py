from redenoise.dag.command_line import launch

launch("architecture", "Count the parameters of the networks.")
