"""Look at an int8 network layer by layer: ranges, noise, what each layer costs, what to do about it."""
