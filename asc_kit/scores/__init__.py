"""The quality of a model: metrics, and evaluations by class and by recording device."""
