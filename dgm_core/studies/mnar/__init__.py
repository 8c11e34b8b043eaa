"""Studies of the lab "Missing not at random": tables, clipped images, prediction."""
