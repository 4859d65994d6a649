"""From options to a run folder: the training loop is Lightning's, the rest is here."""
