"""Found with PYTHONPATH=src only."""
