from redenoise.dag.command_line import launch

launch("illustrate", "Make the figures that consist of images.")
