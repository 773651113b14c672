"""What every wing may use: limits, names and numbers in words, a cache that makes each thing once, progress.

It knows nothing of models, inputs or pictures, and stays small: what grows here belongs into a wing.
"""
