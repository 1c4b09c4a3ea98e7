"""Board descriptions: one folder of data per board, one file per part and per core."""
