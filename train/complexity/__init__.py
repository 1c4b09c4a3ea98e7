"""Parameters and MACs, of Keras networks and of flatbuffers."""
