"""How the DAG and its engines scale: a command beside the DAG, not a stage of it."""
