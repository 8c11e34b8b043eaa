"""Studies of the clusters lab: the training history of a run, and layouts in the plane."""
