"""Stage `download`: fetch, verify and index the data sets and the published weights."""
