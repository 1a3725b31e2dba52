from redenoise.dag.command_line import launch

launch("synthesize", "Make the noisy test sets.")
