"""How well a model does: metrics, and evaluations by class and by recording device."""
