"""Stage `labelled`: images with class labels or masks, for the tasks behind the denoisers."""
