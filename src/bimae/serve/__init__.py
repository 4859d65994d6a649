"""Answers over HTTP: an upload to a sample, samples to batches, batches to answers; and a page."""
