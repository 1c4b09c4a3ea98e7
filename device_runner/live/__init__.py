"""A session of `live` as a whole: sources, network, what is printed and sent elsewhere."""
