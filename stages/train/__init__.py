"""Stage `train`: the networks of every family, trained or imported from published weights."""
