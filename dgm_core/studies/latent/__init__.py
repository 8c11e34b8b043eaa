"""Studies of a WGAN's latent space: directions, paths, inversion, nearest images, history."""
