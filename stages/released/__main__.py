from redenoise.dag.command_line import launch

launch("released", "Index the released weights.")
