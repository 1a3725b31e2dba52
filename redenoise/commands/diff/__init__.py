"""What moved in the reports between two revisions, and why."""
