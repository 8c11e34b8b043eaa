"""The WGAN latent space lab."""
