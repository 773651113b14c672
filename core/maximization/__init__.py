"""What a unit is looking for: inputs found by gradient ascent."""
