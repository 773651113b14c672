"""What every wing may use: limits, names and numbers in words, first bytes of files, a cache, progress.

It knows nothing of models, inputs or pictures, and stays small: what grows here belongs into a wing.
"""
