"""Models with code of their owner's, saved by a process of its own, as their owner would; none of it is known here."""
