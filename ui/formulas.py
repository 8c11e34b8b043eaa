"""What the methods do, in symbols: text and LaTeX beside the pictures."""

from __future__ import annotations

import streamlit as st

from ui.components.set_formulas import Side, set_formulas

two_samplers = set_formulas(
    "two_samplers",
    Side(
        "Pseudo-Gibbs",
        "takes every proposal of the encoder $q$.",
        (
            r"z \sim q(z \mid x_{\mathrm{obs}}, x_{\mathrm{mis}})",
            r"x_{\mathrm{mis}} \sim p(x_{\mathrm{mis}} \mid z)",
        ),
        "Were the encoder the true posterior, this would be Gibbs sampling. It is not, so the "
        "chain settles near p(x_mis | x_obs), not on it.",
    ),
    Side(
        "Metropolis-within-Gibbs",
        r"accepts with chance $\mathrm{min}(1, \rho)$.",
        (
            r"z' \sim q(z \mid x_{\mathrm{obs}}, x_{\mathrm{mis}})",
            r"\rho = \frac{p(x \mid z')\, p(z')\, q(z \mid x)}"
            r"{p(x \mid z)\, p(z)\, q(z' \mid x)}",
            r"x_{\mathrm{mis}} \sim p(x_{\mathrm{mis}} \mid z)",
        ),
        "All pixels count, hidden ones at their current values; these are redrawn at every "
        "iteration, also after a rejection. Exact in the limit whatever the encoder, slow where "
        "the acceptance is low. Mattei & Frellsen 2018, algorithm 2.",
    ),
)
"""One iteration of each of the two that are shown step by step."""


def slow_motion() -> None:
    """The ratio with its terms named as the bars of slow motion are."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The ratio**, and the four terms of its logarithm:")
        st.latex(r"\rho = \frac{p(x, z')\; q(z \mid x)}{p(x, z)\; q(z' \mid x)}")
        st.latex(
            r"\begin{aligned}\log\rho ={}& \underbrace{\log p(x, z') - \log p(x, z)}"
            r"_{\text{fit}} \\ {}+{}& \underbrace{\log q(z \mid x) - \log q(z' \mid x)}"
            r"_{\text{way back}}\end{aligned}"
        )
        st.caption(
            "Accepted if log u < log ρ with u uniform on (0, 1), that is with chance min(1, ρ). "
            "x = (x_obs, x_mis) is the same on both sides."
        )
    with right:
        st.markdown("**The fit** has parts of its own:")
        st.latex(
            r"\begin{aligned}\log p(x, z) ={}& \underbrace{\log p(x_{\mathrm{obs}} \mid z)}"
            r"_{\text{seen pixels}} \\ {}+{}& \underbrace{\log p(x_{\mathrm{mis}} \mid z)}"
            r"_{\text{hidden pixels}} \\ {}+{}& \underbrace{\log p(z)}_{\text{prior}}"
            r"\end{aligned}"
        )
        st.caption(
            "Were q the true posterior, the way back would undo the fit exactly: ρ = 1, nothing "
            "refused, and pseudo-Gibbs would be right."
        )


def not_miwae() -> None:
    """The family of MIWAE: one bound, a term for each thing that is modelled."""
    st.markdown("**not-MIWAE** bounds $\\log p(x_{\\mathrm{obs}}, s)$ with $K$ completions:")
    st.latex(
        r"\mathrm{E} \log \frac1K \sum_k \frac{p(x_{\mathrm{obs}} \mid z_k)\, "
        r"\boxed{p(s \mid x_{\mathrm{obs}}, x_{\mathrm{mis},k})}\, p(z_k)}"
        r"{q(z_k \mid x_{\mathrm{obs}})}"
    )
    st.latex(
        r"z_k \sim q(z \mid x_{\mathrm{obs}}), \quad "
        r"x_{\mathrm{mis},k} \sim p(x_{\mathrm{mis}} \mid z_k)"
    )
    st.caption(
        "MIWAE omits the framed term. That is correct only if values are missing at random. "
        "Ipsen, Mattei & Frellsen 2021."
    )
    st.markdown("**Self-masking**: a cell goes missing because of its own value.")
    st.latex(r"\mathrm{logit}\; p(s_d = 1 \mid x) = -W_d\,(x_d - b_d)")
    st.latex(
        r"\hat x_{\mathrm{mis}} = \sum_k \alpha_k\, x_{\mathrm{mis},k}, \qquad "
        r"\alpha_k \propto w_k"
    )
    st.caption(
        "If W > 0, high values go missing. If the sign of W is unknown, incomplete data may fit "
        "both signs. The weights α of the bound also give every imputation: mean, median, draws."
    )


def transport() -> None:
    """Point estimates as projections of a distribution on the Dirac masses."""
    left, right = st.columns(2, gap="large")
    with left:
        st.latex(r"W_1(P, \delta_a) = \sum_k \alpha_k\, |x_k - a|")
        st.caption("Smallest at the median: the best point estimate for absolute loss.")
    with right:
        st.latex(r"W_2(P, \delta_a) = \Big(\sum_k \alpha_k\, (x_k - a)^2\Big)^{1/2}")
        st.caption(
            "Smallest at the mean: the best point estimate for squared loss. There W₂ is the "
            "standard deviation."
        )


def all_methods() -> None:
    """The methods that have no place in the step-by-step view, one a tab."""
    for tab, write in zip(st.tabs(list(_TABS)), _TABS.values(), strict=True):
        with tab:
            write()


def _miwae() -> None:
    st.markdown("One shot: $K$ latents are proposed from what is seen, and weighed.")
    st.latex(
        r"z_k \sim q(z \mid x_{\mathrm{obs}}), \qquad "
        r"w_k \propto \frac{p(x_{\mathrm{obs}} \mid z_k)\, p(z_k)}{q(z_k \mid x_{\mathrm{obs}})}"
    )
    st.latex(
        r"\mathrm{E}[x_{\mathrm{mis}} \mid x_{\mathrm{obs}}] \approx "
        r"\sum_k w_k\, \mathrm{E}[x_{\mathrm{mis}} \mid z_k]"
    )
    st.caption(
        "Draws resample the latents by their weights. Exact for many samples; a small ESS, or a "
        "Pareto k above 0.7, says that they are too few. Mattei & Frellsen 2019."
    )


def _lair() -> None:
    st.markdown("$K$ completions propose together, with $R$ proposals from the prior.")
    st.latex(
        r"w = \frac{p(x_{\mathrm{obs}} \mid z)\, p(z)}{q_{\mathrm{mix}}(z)}, \qquad "
        r"q_{\mathrm{mix}}(z) = \frac{\sum_k q(z \mid x_{\mathrm{obs}}, x_{\mathrm{mis}}^{(k)})"
        r" + R\, p(z)}{K + R}"
    )
    st.caption(
        "K latents are resampled by these weights and make the next completions. The mean, the "
        "draws and an estimate of log p(x_obs) come from the pool of all proposals after the "
        "warm-up. Simkus & Gutmann 2023."
    )


def _collapsed() -> None:
    st.markdown("Metropolis on $p(z \\mid x_{\\mathrm{obs}})$ alone, without hidden pixels.")
    st.latex(
        r"q_{\mathrm{mix}}(z) = (1 - \varepsilon)\, q(z \mid x_{\mathrm{obs}}, x_{\mathrm{hist}})"
        r" + \varepsilon\, p(z)"
    )
    st.latex(
        r"\rho = \frac{p(x_{\mathrm{obs}} \mid z')\, p(z')\, q_{\mathrm{mix}}(z)}"
        r"{p(x_{\mathrm{obs}} \mid z)\, p(z)\, q_{\mathrm{mix}}(z')}"
    )
    st.caption(
        "x_hist is an earlier completion, made before the present z was accepted. Exact in the "
        "limit; with many latents few proposals are accepted. AC-MWG of Simkus & Gutmann 2023."
    )


def _dmfa() -> None:
    st.markdown("A network reads what is seen, and writes down a law of what is hidden.")
    st.latex(
        r"p(x_{\mathrm{mis}} \mid x_{\mathrm{obs}}) = \sum_m \pi_m\, "
        r"\mathcal{N}\!\left(\mu_m,\; A_m A_m^{\top} + \mathrm{diag}(d_m)\right)"
    )
    st.caption(
        "π, μ, A and d come from one pass for this image and this mask; nothing is iterated. MFA "
        "is one such mixture for all images, fitted by EM and conditioned exactly. "
        "Przewięźlikowski et al. 2020."
    )


_TABS = {
    "MIWAE": _miwae,
    "LAIR": _lair,
    "Collapsed Metropolis": _collapsed,
    "DMFA and MFA": _dmfa,
}
