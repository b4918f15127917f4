"""A dataset folder: parts of rows, the ledger of what is in them, and what runs after the last part."""
