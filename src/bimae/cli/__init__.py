"""One small file per verb; the only room that prints, reads argv or sets an exit code."""
