"""The meaning of each score, as its tooltip on the page says it."""

DEFINITIONS: dict[str, str] = {
    "F1": (
        "Agreement of filled-in and original ink on the hidden pixels: 2 TP / (2 TP + FP + FN). "
        "Ink is a value above ½. TP counts pixels with ink in both, FP pixels with ink only in "
        "the filled-in image, and FN pixels with ink only in the original. F1 is computed for the "
        "posterior mean unless a draw is named, and is 1 if neither image has ink. "
        "Higher is better."
    ),
    "SSE": (
        "Sum of squared errors: the squared differences between the posterior mean and the "
        "original, summed over the hidden entries of one image. Each channel counts separately; "
        "levels are in [0, 1]. Lower is better."
    ),
    "MSE": (
        "Mean squared error: the SSE divided by the number of hidden entries. Lower is better."
    ),
    "PSNR": (
        "Peak signal-to-noise ratio in decibels: −10 log₁₀ of the MSE over the hidden entries, "
        "for levels in [0, 1]. Higher is better."
    ),
    "SSIM": (
        "Structural similarity (Wang et al. 2004) of the completed image and the original, "
        "averaged over the hidden entries. It compares means, variances and covariances in a "
        "uniform 7×7 window around each pixel, for each channel separately, with K₁ = 0.01, "
        "K₂ = 0.03 and range 1. Higher is better."
    ),
    "NLL": (
        "Negative log-likelihood: −log p(x_mis | x_obs) at the original hidden pixels, in nats, "
        "summed over one image. The method gives a probability of black and white pixels. "
        "Lower is better."
    ),
    "NLL, density": (
        "Negative log-likelihood: −log p(x_mis | x_obs) at the original hidden levels, in nats, "
        "summed over one image. The method gives a density whose variances have a floor, 0.0001 "
        "unless stated otherwise. The score may be negative. It cannot be compared with the NLL "
        "of a probability. Lower is better."
    ),
    "CRPS": (
        "Continuous ranked probability score: E|X − y| − ½ E|X − X′|, where X and X′ are two "
        "draws of a hidden entry and y is its true value, averaged over the hidden entries. The "
        "estimate is unbiased for two or more draws. For a single value it is the absolute error. "
        "Lower is better."
    ),
    "90 % coverage": (
        "Fraction of the hidden entries whose true value lies in the central 90 % interval of the "
        "draws, ends included. With n draws the ends are the interpolated order statistics of "
        "rank 0.05 (n + 1) and 0.95 (n + 1). With fewer than 19 draws, the interval from the "
        "smallest to the largest draw covers only (n − 1) / (n + 1). The best value is 90 %; for "
        "black and white entries a higher value can also be right."
    ),
}
"""Name on the page → definition."""

TABLE_DEFINITIONS: dict[str, str] = {
    "RMSE": (
        "Root mean squared error: √(mean of (x̂ − x)²) over all hidden entries of the table, in "
        "standard deviations of the complete column. The ± is one standard error over rows. "
        "Lower is better."
    ),
    "MAE": (
        "Mean absolute error: the mean of |x̂ − x| over all hidden entries of the table, in "
        "standard deviations of the complete column. The median of the draws is the best value to "
        "fill in for this score. Lower is better."
    ),
    "90 % coverage": DEFINITIONS["90 % coverage"],
}
"""Name on the page → definition, for the scores of tables."""

CLUSTERING_DEFINITIONS: dict[str, str] = {
    "Accuracy": (
        "Fraction of the points whose cluster is paired with their label. Clusters and labels are "
        "paired one to one so that this fraction is largest (Hungarian method). Points in a "
        "cluster without a label, or with a label without a cluster, count as errors. The labels "
        "are used for the pairing only. Higher is better."
    ),
    "NMI": (
        "Normalised mutual information of clusters z and labels y: I(z; y) divided by the mean of "
        "the entropies H(z) and H(y). It is 0 if they are independent and 1 if they agree "
        "completely. It is not corrected for chance, so it tends to grow with the number of "
        "clusters. Higher is better."
    ),
    "ARI": (
        "Adjusted Rand index (Hubert & Arabie 1985): the fraction of pairs of points on which "
        "clusters and labels agree, corrected for chance. It is 1 for complete agreement and 0 on "
        "average for random clusters of the same sizes. Higher is better."
    ),
    "Purity": (
        "Fraction of the points that have the commonest label of their cluster. For a single "
        "cluster it is the fraction of that cluster's points. Several clusters may have the same "
        "commonest label, so splitting clusters never lowers the purity, and the purity is at "
        "least the accuracy. Higher is better."
    ),
}
"""Name on the page → definition, for the scores that compare clusters with labels."""
