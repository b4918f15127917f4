"""The report of an evaluation: one HTML page that needs nothing else, its figures as files, its numbers as JSON."""

from .findings import Findings, read_findings
from .page import write_report
from .run import report_run

__all__ = ["Findings", "read_findings", "report_run", "write_report"]
