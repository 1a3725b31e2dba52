from redenoise.dag.command_line import launch

launch("download", "Provide and index the data sets and published weights.")
