from redenoise.dag.command_line import launch

launch("evaluate", "Measure the learned denoisers.")
