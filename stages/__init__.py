"""The stages of the DAG, one folder a rule; redenoise/dag/table.py has the table of them."""
