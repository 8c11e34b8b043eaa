"""Studies of the likelihood lab: bounds on log p(x), the plane of two latents, small VAEs."""
