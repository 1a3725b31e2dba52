from redenoise.dag.command_line import launch

launch("filter", "Measure the classical denoisers.")
