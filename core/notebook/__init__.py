"""What a notebook asks for: how an activation is shown, and in one call each the numbers that the page shows."""
