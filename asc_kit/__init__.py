"""The words every stage of asc-kit shares: specs, bundle, protocol, metrics, errors, and the command line."""

__version__ = "0.1.0"
