"""How far measured averages move with the seed of the noise, and with that of the training."""
