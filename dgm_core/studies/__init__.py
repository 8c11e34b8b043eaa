"""Studies: a frozen `Config` → a generator of `Frame`s → a `Result`. Pages, scripts and tests run these."""
