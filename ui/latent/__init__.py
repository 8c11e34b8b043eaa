"""The lab of a WGAN's latent space."""
