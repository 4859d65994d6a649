"""What carried a decision: bands, tiles and regions, and whether a map of them can be believed.

`token_weights` is cheap (a pass forward and one back); `occlusion` asks the model again and again
with pieces taken out; `explain_sample` is both in one call.
"""

from bimae.explain.sample import Explanation, explain_sample
from bimae.explain.weights import By, TokenWeights, token_weights

__all__ = ["By", "Explanation", "TokenWeights", "explain_sample", "token_weights"]
