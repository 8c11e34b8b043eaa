"""The clusters lab: a VAE and a mixture of Gaussians that learn from each other."""
