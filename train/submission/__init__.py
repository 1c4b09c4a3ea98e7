"""Submissions to the DCASE challenge, Task 1: the package, and the check of one."""

from .checking import check_package
from .package import SystemFiles, build_package
from .rules import RULES, SubmissionRules

__all__ = ["RULES", "SubmissionRules", "SystemFiles", "build_package", "check_package"]
