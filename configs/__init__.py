"""What a training run is told: the schema and the shipped YAML files."""

from .files import data_files
from .load import check_config, dump_config, load_config, shipped_configs, valid_keys
from .schema import Config

__all__ = ["Config", "check_config", "data_files", "dump_config", "load_config", "shipped_configs", "valid_keys"]
