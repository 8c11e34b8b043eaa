"""The GAN distances lab: distances between distributions, and critics that estimate them."""
