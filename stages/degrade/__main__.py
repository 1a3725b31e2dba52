from redenoise.dag.command_line import launch

launch("degrade", "Make the degraded test sets.")
