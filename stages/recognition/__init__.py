"""High-level tasks on noisy images: what a denoiser in front of a classifier or a segmenter is worth."""
