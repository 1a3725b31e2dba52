from redenoise.dag.command_line import launch

launch("recognize", "Measure high-level tasks behind learned denoisers.")
