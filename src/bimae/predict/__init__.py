"""From a model's numbers to answers one can act on: honest odds, sets, strangers, purity. No torch.

Arrays and counts in, arrays and figures out; nothing here reads a file.
"""
