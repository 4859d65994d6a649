"""A declared matrix of experiments: checked, run cell by cell, never twice, and told in a table."""
