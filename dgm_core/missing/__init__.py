"""Missing data: shapes of masks, and missing processes p(s|x) that depend on the values.

`masks` holds shapes of masks for images; `mixed_masks` draws them at random for training. `base`
defines a missing process, `processes` lists those that remove values or are learned. `amputation`
removes values of a table by a plan.

    >>> import torch
    >>> from dgm_core.missing.masks import top_half
    >>> from dgm_core.missing.processes import SelfMasking
    >>> top_half(2, 3)
    tensor([[False, False, False],
            [ True,  True,  True]])
    >>> process = SelfMasking(1, weight=2.0, threshold=0.5)  # high values go missing
    >>> process.missing_probability(torch.tensor([[0.5], [9.0]])).detach().round(decimals=2)
    tensor([[0.5000],
            [1.0000]])
"""
