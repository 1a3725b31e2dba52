from redenoise.dag.command_line import launch

launch("labelled", "Provide and index the data sets with labels.")
