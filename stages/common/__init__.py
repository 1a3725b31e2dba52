"""What every stage shares: errors, atomic files, the configuration, provenance, progress."""
