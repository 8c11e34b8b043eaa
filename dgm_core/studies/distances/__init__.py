"""Studies of the distances lab: critics between two distributions, and small GANs."""
