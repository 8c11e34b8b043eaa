"""Studies of the lab of values missing not at random: tables, clipped images, prediction."""
