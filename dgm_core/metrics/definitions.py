"""What each score on a screen means, in the words of its tooltip."""

DEFINITIONS: dict[str, str] = {
    "F1": (
        "2 TP / (2 TP + FP + FN) of ink over the hidden pixels, where ink is a value above ½. "
        "Of the posterior mean unless a draw is named. 1 where neither truth nor guess has ink. "
        "Higher is better."
    ),
    "SSE": (
        "Sum of squared errors of the mean over the hidden entries of one image, channels "
        "counted one by one, levels in [0, 1]. Lower is better."
    ),
    "MSE": "SSE divided by the number of hidden entries. Lower is better.",
    "PSNR": (
        "−10 log₁₀ of the MSE over the hidden entries: peak signal-to-noise ratio in decibels for "
        "levels in [0, 1]. Higher is better."
    ),
    "SSIM": (
        "Structural similarity (Wang et al. 2004) of the completed image and the truth, averaged "
        "over the hidden entries. Each channel by itself, uniform 7×7 window, sample covariances, "
        "K₁ = 0.01, K₂ = 0.03, range 1. Higher is better."
    ),
    "NLL": (
        "−log p(x_mis | x_obs) of the true hidden pixels, in nats summed over one image: the "
        "method's law is a probability of black and white. Lower is better."
    ),
    "NLL, density": (
        "−log p(x_mis | x_obs) of the true hidden levels, in nats summed over one image: the "
        "method's law is a density, its variances not below the noise floor, 0.0001 unless said "
        "otherwise. It may be negative, and cannot be compared with the NLL of a probability. "
        "Lower is better."
    ),
    "CRPS": (
        "Continuous ranked probability score E|X − y| − ½ E|X − X′|, for draws X, X′ of a hidden "
        "entry whose truth is y, averaged over the hidden entries; the estimate has no bias for "
        "any number of draws above one. A single guess scores its absolute error. Lower is better."
    ),
    "90 % coverage": (
        "Share of the hidden entries whose truth lies in the central 90 % interval of the draws, "
        "ends included. With n draws the ends are the order statistics of rank 0.05 (n + 1) and "
        "0.95 (n + 1), interpolated; fewer than 19 draws cannot reach them, and cover "
        "(n − 1) / (n + 1) at best. Best at 90 %; black and white entries may rightly exceed it."
    ),
}
"""Name on the screen → definition."""

TABLE_DEFINITIONS: dict[str, str] = {
    "RMSE": (
        "√(mean of (x̂ − x)²) over all hidden entries of the table, in standard deviations of the "
        "complete column; ± one standard error over rows. Lower is better."
    ),
    "MAE": (
        "Mean of |x̂ − x| over all hidden entries of the table, in standard deviations of the "
        "complete column. Lower is better; the median is the guess made for it."
    ),
    "90 % coverage": DEFINITIONS["90 % coverage"],
}
"""Of the scores of tables."""

CLUSTERING_DEFINITIONS: dict[str, str] = {
    "Accuracy": (
        "Share of the points whose cluster is paired with their label. Clusters and labels are "
        "paired one to one so that this share is largest (Hungarian method); points in clusters "
        "or of labels without a partner count as errors. Labels serve the pairing and nothing "
        "else. Higher is better."
    ),
    "NMI": (
        "Normalised mutual information of clusters and labels, I(z; y) divided by the mean of "
        "H(z) and H(y): 0 if independent, 1 if the same. Not corrected for chance, so it grows "
        "with the number of clusters. Higher is better."
    ),
    "ARI": (
        "Adjusted Rand index (Hubert & Arabie 1985): share of pairs of points on which clusters "
        "and labels agree, less what chance would give, scaled so that 1 is the same and 0 is "
        "what random clusters of these sizes reach on average. Higher is better."
    ),
    "Purity": (
        "Share of the points that have the commonest label of their cluster; of one cluster, its "
        "own share. Several clusters may share a label, so it never falls when clusters are "
        "split, and is at least the accuracy. Higher is better."
    ),
}
"""Of the scores of clusters against labels."""
