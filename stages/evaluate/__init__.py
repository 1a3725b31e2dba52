"""Stage `evaluate`: denoise the noisy test sets and measure every image."""
