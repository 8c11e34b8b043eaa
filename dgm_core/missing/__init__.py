"""What goes missing: masks as shapes, and processes that depend on the values.

`masks` draws shapes to hide of images, `mixtures` draws them at random for a training. `processes`
holds the laws p(s|x), which remove values and are learned; `process` says what one is.
`amputation` removes values of a table by a plan.

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
