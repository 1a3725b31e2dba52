from redenoise.dag.command_line import launch

launch("leakage", "Look for test images among the training images.")
