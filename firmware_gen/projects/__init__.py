"""Networks as libraries for other build systems: each kind is a module in ``kinds/`` and a folder in ``templates/``."""
