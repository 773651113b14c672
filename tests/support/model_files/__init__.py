"""Ordinary model files: made as people make them, opened as people open them, compared with what Keras answers."""
