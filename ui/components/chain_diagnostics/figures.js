// The five figures: the sentence above each, its settings, and the function that builds its panels.

const FIGURES = {
  traces: {
    about:
      "One line per chain. Chains that have converged wander over the same range and " +
      "overlap. A flat line is a chain that does not move.",
    shows: ["quantity", "chain"],
    build: tracePanels,
  },
  autocorrelation: {
    about:
      "Correlation of a chain with itself so many iterations later, averaged over the " +
      "chains. The longer it stays above 0, the smaller the effective sample size.",
    shows: ["quantity"],
    build: autocorrelationPanel,
  },
  rhat: {
    about:
      "The worst of three traces, computed every 50 iterations after the warm-up. R-hat " +
      "should fall below 1.01. The effective sample size should grow linearly.",
    shows: [],
    build: diagnosisPanels,
  },
  acceptance: {
    about:
      "Fraction of the last 50 proposals that were accepted. Thin lines: one per chain. " +
      "Thick line: their mean. During the warm-up, Metropolis runs as pseudo-Gibbs, which " +
      "accepts every proposal.",
    shows: ["chain"],
    build: acceptancePanels,
  },
  paths: {
    about:
      "Path of each chain in two latent dimensions. Dashed circle: radius 2 of the prior. The " +
      "ellipses are 1 and 2 standard deviations of the encoder's proposal for the followed " +
      "chain. Its next proposal comes from there.",
    shows: ["across", "up", "chain"],
    build: pathPanels,
  },
};
