"""Latent-variable models, one per file.

A model is an `nn.Module` with `prior()`, `encode(x)` and `decode(z)`, which return distributions.
The models of the MIWAE family also encode incomplete data. Mixtures of factor analysers and DMFA
give p(x_mis | x_obs) in closed form instead, with `conditional(masked)`.

    >>> import torch
    >>> from dgm_core.models.dlvm import fully_connected_dlvm
    >>> model = fully_connected_dlvm(latent_dim=2, hidden=8)
    >>> posterior = model.encode(torch.zeros(5, 1, 28, 28))
    >>> posterior.batch_shape, posterior.event_shape
    (torch.Size([5]), torch.Size([2]))
    >>> model.decode(torch.zeros(5, 2)).mean.shape
    torch.Size([5, 1, 28, 28])
"""
