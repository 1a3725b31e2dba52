"""What people call around the DAG: `redenoise <verb>`. `main.py` holds the table of verbs."""
