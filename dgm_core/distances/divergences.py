"""Distances between two distributions, each as the maximum of an objective of a critic V.

    D(P, Q) = max over V of  E_P[a(V)] + E_Q[b(V)]

For an f-divergence the maximum over all functions V is the divergence (Nguyen, Wainwright & Jordan
2010; f-GAN, Nowozin, Cseke & Tomioka 2016), and the optimal V is a function of log p/q. Any other
V gives a smaller value, so a critic with too little training underestimates the distance. For
Wasserstein-1 the maximum is over 1-Lipschitz V; `lipschitz.lipschitz_penalty` constrains a network
to these approximately.

                                  a(V)           b(V)           optimal V      maximum
    Wasserstein-1                 V              −V                            ∞
    squared Hellinger             1 − e^(−V)     1 − e^V        ½ log p/q      2
    Jensen–Shannon, nats          ½ log 2σ(V)    ½ log 2σ(−V)   log p/q        log 2
    total variation, |V| ≤ ½      V              −V             ½ sign log p/q 1
    Kullback–Leibler, nats        V              1 − e^V        log p/q        ∞

with H² = ∫ (√p − √q)², TV = ½ ∫ |p − q|, KL = ∫ p log p/q.

    >>> from torch.distributions import Normal
    >>> from dgm_core.rng import generator
    >>> p, q, kl = Normal(0.0, 1.0), Normal(1.0, 1.0), DIVERGENCES["kullback-leibler"]
    >>> x = torch.linspace(-8, 9, 1701)
    >>> round(float(kl.density(p.log_prob(x), q.log_prob(x)).sum() * 0.01), 3)  # (1 − 0)² / 2
    0.5
    >>> noise = torch.randn(2, 100_000, generator=generator(seed=0))
    >>> of_p, of_q = noise[0], 1 + noise[1]
    >>> best = lambda x: kl.best(p.log_prob(x) - q.log_prob(x))
    >>> found = kl.estimate(best(of_p), best(of_q))
    >>> bool(abs(found.value - 0.5) < 5 * found.standard_error)
    True
    >>> bool(kl.gain(best(of_p) / 2, best(of_q) / 2) < found.value)  # another critic gives less
    True
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from dgm_core.bounds import Estimate

LOG_2 = math.log(2)

WIDEST = 20.0
"""Bound on |V| of a trained critic where e^V is needed; e^V then stays finite. A squared Hellinger
distance can be too small by a fraction e⁻²⁰, and Kullback–Leibler is limited to 21."""


@dataclass(frozen=True)
class Divergence:
    """One line of the table above.

    Attributes:
        name: as a page shows it.
        formula: the objective in LaTeX.
        on_p, on_q: a and b.
        best: the optimal V as a function of log p/q; None if log p/q does not determine it.
        density: integrand of the divergence as a function of finite log p and log q; or None.
        range: bound on |V|; None: no bound.
        most: the largest possible value.
    """

    name: str
    formula: str
    on_p: Callable[[Tensor], Tensor]
    on_q: Callable[[Tensor], Tensor]
    best: Callable[[Tensor], Tensor] | None
    density: Callable[[Tensor, Tensor], Tensor] | None
    range: float | None
    most: float

    def critic(self, raw: Tensor) -> Tensor:
        """V from the output of a network: limited to the range, with slope 1 at 0."""
        return raw if self.range is None else self.range * torch.tanh(raw / self.range)

    def gain(self, on_p: Tensor, on_q: Tensor) -> Tensor:
        """The objective (…), from V on samples of P (…, n) and of Q (…, m)."""
        return self.on_p(on_p).mean(-1) + self.on_q(on_q).mean(-1)

    def estimate(self, on_p: Tensor, on_q: Tensor) -> Estimate:
        """`gain` and its Monte-Carlo standard error, (…). V must not be trained on the samples.

        Args:
            on_p, on_q: V at samples of P and of Q, (…, n) both. Samples with the same index may
                depend on each other, for example if both were drawn with the same noise.
        """
        each = self.on_p(on_p) + self.on_q(on_q)
        return Estimate(each.mean(-1), each.std(-1) / math.sqrt(each.shape[-1]))

    @property
    def is_wasserstein(self) -> bool:
        """Whether the critic must be 1-Lipschitz."""
        return self.best is None


def _same(v: Tensor) -> Tensor:
    return v


def _minus(v: Tensor) -> Tensor:
    return -v


def _jensen_shannon(log_p: Tensor, log_q: Tensor) -> Tensor:
    log_m = torch.logaddexp(log_p, log_q) - LOG_2
    return (log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)) / 2


DIVERGENCES = {
    "wasserstein": Divergence(
        "Wasserstein-1",
        r"\max_{\|f\|_L \le 1} \mathbb{E}_P f(x) - \mathbb{E}_Q f(y)",
        _same,
        _minus,
        None,
        None,
        None,
        float("inf"),
    ),
    "hellinger": Divergence(
        "squared Hellinger",
        r"\max_V \mathbb{E}_P[1 - e^{-V}] + \mathbb{E}_Q[1 - e^{V}]",
        lambda v: -torch.expm1(-v),
        lambda v: -torch.expm1(v),
        lambda log_ratio: log_ratio / 2,
        lambda log_p, log_q: ((log_p / 2).exp() - (log_q / 2).exp()).square(),
        WIDEST,
        2.0,
    ),
    "jensen-shannon": Divergence(
        "Jensen–Shannon",
        r"\max_V \tfrac12 \mathbb{E}_P \log 2\sigma(V) + \tfrac12 \mathbb{E}_Q \log 2\sigma(-V)",
        lambda v: (LOG_2 - softplus(-v)) / 2,
        lambda v: (LOG_2 - softplus(v)) / 2,
        _same,
        _jensen_shannon,
        None,
        LOG_2,
    ),
    "total variation": Divergence(
        "total variation",
        r"\max_{|V| \le 1/2} \mathbb{E}_P V - \mathbb{E}_Q V",
        _same,
        _minus,
        lambda log_ratio: log_ratio.sign() / 2,
        lambda log_p, log_q: (log_p.exp() - log_q.exp()).abs() / 2,
        0.5,
        1.0,
    ),
    "kullback-leibler": Divergence(
        "Kullback–Leibler",
        r"\max_V \mathbb{E}_P V - \mathbb{E}_Q e^{V} + 1",
        _same,
        lambda v: -torch.expm1(v),
        _same,
        lambda log_p, log_q: log_p.exp() * (log_p - log_q),
        WIDEST,
        float("inf"),
    ),
}
