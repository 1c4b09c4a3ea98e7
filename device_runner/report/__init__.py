"""Make a report page and Markdown from benchmark results."""

from .reading import NamedResult, read_results
from .writing import write_report

__all__ = ["NamedResult", "read_results", "write_report"]
