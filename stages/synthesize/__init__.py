"""Stage `synthesize`: noisy versions of the test sets, and the check that no test image is trained on."""
