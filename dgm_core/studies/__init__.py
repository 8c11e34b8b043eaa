"""Studies: a frozen `Config` → a generator of `Frame`s → a `Result`, for pages and scripts.

A page draws each frame, a script waits for the last one, and a test looks at both. A result
depends on its configuration alone. The configuration is therefore the key of a cache and the
content of a share link. Each lab has a room of its own.

    >>> from dgm_core.studies.distances import bilinear
    >>> config = bilinear.Config()
    >>> config == bilinear.Config(), hash(config) == hash(bilinear.Config())
    (True, True)
"""
