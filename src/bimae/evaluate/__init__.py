"""How good it is: metrics, reconstructions, and the baselines to hold it against."""
