"""Deep generative models with missing data: models, exact conditional samplers, diagnostics.

The library draws no pictures and chooses no device for its caller: results live where the
inputs live.  Start with :mod:`dgm_core.zoo` (trained models), :mod:`dgm_core.data` (images),
:mod:`dgm_core.missing.masks` (what to hide) and :mod:`dgm_core.samplers` (how to fill it in).
"""

__version__ = "0.9.0"
