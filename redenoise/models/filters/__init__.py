"""Classical denoisers: functions from a noisy image and sigma to a denoised image; no files, no training."""
