from redenoise.dag.command_line import launch

launch("leakage", "Look for images of test sets among those of training sets.")
