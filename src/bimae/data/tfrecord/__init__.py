"""TFRecord files without TensorFlow: frames, `tf.train.Example`, storage variants, index, writer.

bytes -> framing -> example -> layout (where is what) -> decode (arrays); index and shard put these
together for reading, writer goes the other way.
"""
