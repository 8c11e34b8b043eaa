"""The floors of variances and scales of Gaussian decoders.

Without a floor the likelihood of a Gaussian decoder is unbounded: a decoder that reproduces one
value exactly may let its scale go to 0 there, and the density grows without limit (Mattei &
Frellsen 2018). Log-densities are comparable only between models with the same floor.
"""

IMAGE_VARIANCE_FLOOR = 1e-4
"""The least variance of a pixel in squared grey levels, for levels in [0, 1]: factor analysers,
DMFA, the baselines and the score "NLL, density"."""

IMAGE_SCALE_FLOOR = 0.02
"""The least standard deviation of a pixel of a VAE or MIWAE, in [0, 1]: 5 grey levels of 256."""

TABLE_SCALE_FLOOR = 1e-3
"""The least standard deviation of a table's column, in standard deviations of that column."""

TABLE_VARIANCE_FLOOR = 1e-4
"""The least variance of a column given the factors of `MFAImputer`, in standardised units."""
