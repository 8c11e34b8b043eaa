"""Studies: a frozen `Config` → a generator of `Frame`s → a `Result`, for pages and scripts.

The page draws each frame, a script waits for the last, a test looks at both. The configuration is
all that a result depends on, so it is the key of a cache and what a link to a page carries.

    >>> from dgm_core.studies import bilinear
    >>> config = bilinear.Config()
    >>> config == bilinear.Config(), hash(config) == hash(bilinear.Config())
    (True, True)
"""
