"""The formulas of the methods: text and LaTeX."""

from __future__ import annotations

import streamlit as st

from ui.components.set_formulas import Side, set_formulas
from ui.method_titles import title

two_samplers = set_formulas(
    "two_samplers",
    Side(
        title("pseudo-Gibbs"),
        "accepts every proposal of the encoder $q$.",
        (
            r"z \sim q(z \mid x_{\mathrm{obs}}, x_{\mathrm{mis}})",
            r"x_{\mathrm{mis}} \sim p(x_{\mathrm{mis}} \mid z)",
        ),
        "If the encoder matched the posterior, this would be Gibbs sampling. It does not, so the "
        "chain settles on another distribution, as near to p(x_mis | x_obs) as the encoder is to "
        "the posterior.",
    ),
    Side(
        title("Metropolis-within-Gibbs"),
        r"accepts with probability $\mathrm{min}(1, \rho)$.",
        (
            r"z' \sim q(z \mid x_{\mathrm{obs}}, x_{\mathrm{mis}})",
            r"\rho = \frac{p(x \mid z')\, p(z')\, q(z \mid x)}"
            r"{p(x \mid z)\, p(z)\, q(z' \mid x)}",
            r"x_{\mathrm{mis}} \sim p(x_{\mathrm{mis}} \mid z)",
        ),
        "The ratio uses all pixels, hidden ones at their current values. These are drawn again at "
        "every iteration, also after a rejection. The sampler is exact in the limit of many "
        "iterations for any encoder; it is slow if few proposals are accepted. Mattei & Frellsen "
        "2018, algorithm 2.",
    ),
)
"""One iteration of each of the two samplers."""


def slow_motion() -> None:
    """The acceptance ratio; its terms have the names of the bars of Slow motion."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The acceptance ratio** and the four terms of its logarithm:")
        st.latex(r"\rho = \frac{p(x, z')\; q(z \mid x)}{p(x, z)\; q(z' \mid x)}")
        st.latex(
            r"\begin{aligned}\log\rho ={}& \underbrace{\log p(x, z') - \log p(x, z)}"
            r"_{\text{fit}} \\ {}+{}& \underbrace{\log q(z \mid x) - \log q(z' \mid x)}"
            r"_{\text{proposal ratio}}\end{aligned}"
        )
        st.caption(
            "z′ is accepted if log u < log ρ with u uniform on (0, 1), that is, with probability "
            "min(1, ρ). x = (x_obs, x_mis) is the same in both terms."
        )
    with right:
        st.markdown("**The fit** is a difference of these sums:")
        st.latex(
            r"\begin{aligned}\log p(x, z) ={}& \underbrace{\log p(x_{\mathrm{obs}} \mid z)}"
            r"_{\text{observed pixels}} \\ {}+{}& \underbrace{\log p(x_{\mathrm{mis}} \mid z)}"
            r"_{\text{hidden pixels}} \\ {}+{}& \underbrace{\log p(z)}_{\text{prior}}"
            r"\end{aligned}"
        )
        st.caption(
            "If q were the posterior, the proposal ratio would cancel the fit: ρ = 1, no proposal "
            "would be rejected, and pseudo-Gibbs would be exact."
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
    """The methods that are not in the view Step by step, one per tab."""
    for tab, write in zip(st.tabs(list(_TABS)), _TABS.values(), strict=True):
        with tab:
            write()


def _miwae() -> None:
    st.markdown("One step: $K$ latents are proposed from the observed pixels and weighted.")
    st.latex(
        r"z_k \sim q(z \mid x_{\mathrm{obs}}), \qquad "
        r"w_k \propto \frac{p(x_{\mathrm{obs}} \mid z_k)\, p(z_k)}{q(z_k \mid x_{\mathrm{obs}})}"
    )
    st.latex(
        r"\mathrm{E}[x_{\mathrm{mis}} \mid x_{\mathrm{obs}}] \approx "
        r"\sum_k w_k\, \mathrm{E}[x_{\mathrm{mis}} \mid z_k]"
    )
    st.caption(
        "Draws resample the latents by their weights. Exact in the limit of many samples. A small "
        "ESS or a Pareto k above 0.7 shows that K is too small. Mattei & Frellsen 2019."
    )


def _lair() -> None:
    st.markdown(
        "$K$ completions and the prior propose latents together, $R$ of them from the prior."
    )
    st.latex(
        r"w = \frac{p(x_{\mathrm{obs}} \mid z)\, p(z)}{q_{\mathrm{mix}}(z)}, \qquad "
        r"q_{\mathrm{mix}}(z) = \frac{\sum_k q(z \mid x_{\mathrm{obs}}, x_{\mathrm{mis}}^{(k)})"
        r" + R\, p(z)}{K + R}"
    )
    st.caption(
        "K latents are resampled by these weights and give the next completions. The mean, the "
        "draws and an estimate of log p(x_obs) use all proposals after the warm-up. At the end, "
        "each is weighed again by the proposals of all iterations (AMIS), for the mean and the "
        "draws. If P is above 0, the partial encoder r proposes P more, and P r(z | x_obs) is "
        "added to the sum. Simkus & Gutmann 2023; Cornuet et al. 2012."
    )


def _collapsed() -> None:
    st.markdown("Metropolis on $p(z \\mid x_{\\mathrm{obs}})$, without the hidden pixels.")
    st.latex(
        r"q_{\mathrm{mix}}(z) = (1 - \varepsilon)\, q(z \mid x_{\mathrm{obs}}, x_{\mathrm{hist}})"
        r" + \varepsilon\, p(z)"
    )
    st.latex(
        r"\rho = \frac{p(x_{\mathrm{obs}} \mid z')\, p(z')\, q_{\mathrm{mix}}(z)}"
        r"{p(x_{\mathrm{obs}} \mid z)\, p(z)\, q_{\mathrm{mix}}(z')}"
    )
    st.caption(
        "x_hist is an earlier completion, made before the current z was accepted. Exact in the "
        "limit of many iterations; with many latents, few proposals are accepted. This is the "
        "AC-MWG of Simkus & Gutmann 2023."
    )


def _gradients() -> None:
    st.markdown("Follow the gradient of the target, in which the hidden pixels do not occur.")
    st.latex(
        r"\log \pi(z) = \log p(x_{\mathrm{obs}} \mid z) + \log p(z), \qquad "
        r"H(z, v) = -\log \pi(z) + \tfrac{1}{2} v^{\top} M^{-1} v"
    )
    st.latex(
        r"\dot z = M^{-1} v, \qquad \dot v = \nabla \log \pi(z), \qquad "
        r"\rho = e^{H(z, v) - H(z', v')}"
    )
    st.caption(
        "HMC draws v, follows the dynamics by leapfrog steps and accepts with probability "
        "min(1, ρ). Iterated SIR first chooses among proposals of both encoders and the prior, by "
        "π ÷ their density. Annealed SMC moves and resamples particles while log p(x_obs | z) is "
        "multiplied by a β that rises from 0 to 1. Neal 2011; Samsonov et al. 2022; Del Moral et "
        "al. 2006."
    )


def _partial() -> None:
    st.markdown(
        "The encoder of the samplers reads complete images. A *partial encoder* reads the "
        "observed pixels and the mask. It is trained for the same model, which does not change."
    )
    st.latex(
        r"\max_r\; \mathbb{E}\, \log r(z \mid x_{\mathrm{obs}}), \quad z \sim q(z \mid x), "
        r"\qquad w_k = \frac{p(x_{\mathrm{obs}} \mid z_k)\, p(z_k)}{r(z_k \mid x_{\mathrm{obs}})}"
    )
    st.caption(
        "By itself it is an importance sampler with the weights w. Chains start from one of its "
        "draws, and iterated SIR proposes from it. Strauss & Oliva 2022."
    )


def _dmfa() -> None:
    st.markdown("A network maps the observed pixels to a distribution of the hidden pixels.")
    st.latex(
        r"p(x_{\mathrm{mis}} \mid x_{\mathrm{obs}}) = \sum_m \pi_m\, "
        r"\mathcal{N}\!\left(\mu_m,\; A_m A_m^{\top} + \mathrm{diag}(d_m)\right)"
    )
    st.caption(
        "One pass of the network gives π, μ, A and d for this image and this mask, without "
        "iterations. MFA is one such mixture for all images, fitted by EM and conditioned "
        "exactly. "
        "Przewięźlikowski et al. 2020."
    )


_TABS = {
    "MIWAE": _miwae,
    "LAIR": _lair,
    title("collapsed Metropolis"): _collapsed,
    "HMC and its relatives": _gradients,
    title("partial encoder"): _partial,
    "DMFA and MFA": _dmfa,
}
