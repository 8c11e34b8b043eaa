"""The glossary: what technical terms mean, shown on hover wherever they appear.

`explain("ESS")` is a text for the `help=` of a metric or a table column. `caption(text)` draws a
caption, and `ui.figures.show` a title, with a hover text for all terms that occur in it. Scores
that `dgm_core.metrics.definitions` defines are explained by that definition.
"""

from __future__ import annotations

import re
from functools import cache

import streamlit as st

TERMS: dict[str, str] = {
    "nats": (
        "The unit of natural logarithms of probabilities and densities. A difference of 1 nat is "
        "a factor of e ≈ 2.7; 1 nat = 1.44 bits."
    ),
    "ELBO": (
        "Evidence lower bound E[log p(x, z) − log q(z | x)]: it lies below log p(x) by the "
        "Kullback–Leibler divergence from q(z | x) to the posterior. An estimate of it from draws "
        "is, on average, below log p(x); a single one can be above."
    ),
    "IWAE": (
        "Importance-weighted bound E[log of the mean of K weights p(x, z) / q(z | x)]: a lower "
        "bound on log p(x) that grows with K. K = 1 is the ELBO. An estimate of it from draws "
        "is, on average, below log p(x); a single one can be above."
    ),
    "AIS": (
        "Annealed importance sampling: draws move from q(z | x) to the posterior through a "
        "sequence of distributions, one for each temperature. The log of their mean weight is, on "
        "average, a lower bound on log p(x)."
    ),
    "Pareto k": (
        "Shape of the generalised Pareto distribution that is fitted to the largest importance "
        "weights. Above 0.7 the mean of the weights and its error bar are unreliable. A small k "
        "does not show mass that was never proposed."
    ),
    "ESS": (
        "Effective sample size: the number of independent draws that would give the same "
        "accuracy. For weights w that sum to 1 it is 1 / Σ w²; for chains it is the number of "
        "draws, reduced for their autocorrelation."
    ),
    "R-hat": (
        "Rank-normalised split R-hat: compares the spread between halves of chains with the "
        "spread within them. It is near 1 if the chains agree; above about 1.01 they have not "
        "converged."
    ),
    "‖z‖": (
        "Length of the latent z. A draw from the prior N(0, I) in L dimensions has a length "
        "near √L."
    ),
    "critic score": (
        "Output of the WGAN's critic: higher for images that look more like training images to "
        "it. Only differences between scores have a meaning."
    ),
}
"""Term → explanation, where the library has no definition."""

DEFINED = {
    "F1": "F1",
    "SSE": "SSE",
    "PSNR": "PSNR",
    "SSIM": "SSIM",
    "NLL": "NLL",
    "CRPS": "CRPS",
    "RMSE in standard deviations": "RMSE",
    "purity": "Purity",
}
"""Term → name of its definition in the library."""

_WORDS = {
    "nats": r"\bnats?\b",
    "ESS": r"\bESS\b|effective sample size",
    "R-hat": r"\bR-hat\b",
    "‖z‖": r"‖z‖|√L\b",
    "critic score": r"\bcritic scores?\b",
    "RMSE in standard deviations": r"\bRMSE\b.*\b(SD|standard deviations?)\b",
}
"""How a term is found in a text, where that is not the term itself."""


@cache
def explain(term: str) -> str:
    """What a term means, for a tooltip.

    Raises:
        KeyError: the term is not in the glossary.
    """
    if term in DEFINED:
        from dgm_core.metrics import definitions  # imports torch: not on the front page

        tables, clusters = definitions.TABLE_DEFINITIONS, definitions.CLUSTERING_DEFINITIONS
        return (definitions.DEFINITIONS | tables | clusters)[DEFINED[term]]
    return TERMS[term]


@cache
def terms_in(text: str) -> tuple[str, ...]:
    """The terms of the glossary that occur in a text, in the glossary's order."""
    return tuple(
        term
        for term in (*TERMS, *DEFINED)
        if re.search(_WORDS.get(term, rf"\b{re.escape(term)}\b"), text, _flags(term))
    )


def _flags(term: str) -> int:
    """Abbreviations are found as they are written, words in either case."""
    return 0 if term.isupper() else re.IGNORECASE


def hover(text: str) -> str | None:
    """The hover text for the terms in a text; None if there are none."""
    return "\n\n".join(f"**{term}**: {explain(term)}" for term in terms_in(text)) or None


def caption(text: str) -> None:
    """A caption whose terms are explained on hover."""
    st.caption(text, help=hover(text))
