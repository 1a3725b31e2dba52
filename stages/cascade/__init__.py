"""Joint training: a denoiser in front of a frozen network of a high-level task, and the training of such networks."""
