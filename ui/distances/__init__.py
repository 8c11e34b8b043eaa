"""The lab of distances between laws, and of the critics that estimate them."""
