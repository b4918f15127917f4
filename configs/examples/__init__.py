"""Example configs to copy: data only, no code."""
