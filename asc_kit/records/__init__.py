"""Records on disk: JSON and TOML, read strictly and written whole."""
