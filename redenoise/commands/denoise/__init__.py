"""A user's own pictures through any denoiser or filter of the project: `redenoise denoise`."""
