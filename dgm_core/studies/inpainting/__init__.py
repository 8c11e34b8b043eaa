"""Studies of the inpainting lab: two samplers, all methods side by side, many images."""
