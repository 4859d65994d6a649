"""A model and new seeds to answers: calibration, strangers, streams of answers, purity of a lot."""
