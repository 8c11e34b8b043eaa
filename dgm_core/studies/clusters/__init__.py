"""Studies of the clusters lab: the recorded course of a training, and layouts in the plane."""
