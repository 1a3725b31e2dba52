from redenoise.dag.command_line import launch

launch("restore", "Measure the networks on the degraded test sets.")
