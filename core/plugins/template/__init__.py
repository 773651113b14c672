"""The files that ``layerscope plugins new`` makes a package of, with ``$names`` to be filled in."""
