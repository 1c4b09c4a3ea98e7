"""Board descriptions: one folder of data per board."""
