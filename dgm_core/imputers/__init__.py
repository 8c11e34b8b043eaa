"""All imputers of images, with one interface: `run(masked, generator) → Iterator[Imputation]`.

    >>> from dgm_core import data
    >>> from dgm_core.missing import masks
    >>> from dgm_core.rng import generator
    >>> from dgm_core.types import Masked
    >>> x = data.load("digits", "test").x[:2]
    >>> masked = Masked(x, masks.top_half(28, 28).expand_as(x))
    >>> method = CATALOGUE["diffusion of the edge"]()
    >>> *_, imputation = method.run(masked, generator(0))
    >>> bool((imputation.mean[masked.observed] == x[masked.observed]).all())
    True

`CATALOGUE` maps a name to a frozen dataclass. Its first field is the model or the training images
that the method needs, of the kind that its `needs` names. The other fields are its settings; their
defaults, labels and ranges are in the metadata. Every test and every page that compares methods
runs over the catalogue.
"""

from dgm_core.baselines import (
    PPCA,
    Biharmonic,
    IterativePCA,
    MeanImage,
    NearestNeighbours,
)
from dgm_core.imputers.annealed_smc import AnnealedSMC
from dgm_core.imputers.chains import (
    CollapsedMetropolis,
    HamiltonianMonteCarlo,
    IteratedSIR,
    MetropolisWithinGibbs,
    PseudoGibbs,
)
from dgm_core.imputers.factor_analysers import DMFAImputer, MFAConditional
from dgm_core.imputers.lair import LAIR
from dgm_core.imputers.miwae import MIWAEInpainter, PartialEncoderInpainter
from dgm_core.settings import MethodSetting, settings_of

CATALOGUE = {
    "pseudo-Gibbs": PseudoGibbs,
    "Metropolis-within-Gibbs": MetropolisWithinGibbs,
    "collapsed Metropolis": CollapsedMetropolis,
    "LAIR": LAIR,
    "HMC": HamiltonianMonteCarlo,
    "iterated SIR": IteratedSIR,
    "annealed SMC": AnnealedSMC,
    "partial encoder": PartialEncoderInpainter,
    "MIWAE": MIWAEInpainter,
    "DMFA": DMFAImputer,
    "MFA": MFAConditional,
    "PPCA": PPCA,
    "iterative PCA": IterativePCA,
    "nearest neighbours": NearestNeighbours,
    "diffusion of the edge": Biharmonic,
    "mean image": MeanImage,
}
"""Name → constructor(what it needs, **settings)."""

__all__ = ["CATALOGUE", "MethodSetting", "settings_of"]
