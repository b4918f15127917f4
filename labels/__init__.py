"""What a sentence can be called: label sets, labelled records, their checks and exchange formats."""

from .check import check_both_classes, check_conflicts, conflicts
from .errors import ConfigError, DataError, EventRolesError, HubError, ModelError
from .labelset import Label, LabelSet
from .records import Columns, Record, read_records, write_records
from .standoff import JoinResult, join

__all__ = [
    "Columns",
    "ConfigError",
    "DataError",
    "EventRolesError",
    "HubError",
    "JoinResult",
    "Label",
    "LabelSet",
    "ModelError",
    "Record",
    "check_both_classes",
    "check_conflicts",
    "conflicts",
    "join",
    "read_records",
    "write_records",
]
