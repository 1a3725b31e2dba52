"""Speed of training, measured on the machine at hand; a command beside the DAG, not a stage of it."""
