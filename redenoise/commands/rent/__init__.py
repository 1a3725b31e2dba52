"""Training on a machine that is lent for a limited time: `redenoise rent`."""
