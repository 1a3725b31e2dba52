"""Stage `restore`: restore the degraded test sets and measure every image."""
