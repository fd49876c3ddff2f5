"""Cleans copies of releases; these files lean on pyarrow alone, since they are exported as one."""
