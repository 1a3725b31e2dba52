from redenoise.dag.command_line import launch

launch("recognize_filtered", "Measure high-level tasks behind classical denoisers.")
