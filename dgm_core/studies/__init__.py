"""Studies: a frozen `Config` → a generator of `Frame`s → a `Result`, for pages and scripts."""
