"""The ``layerscope`` command: ``main`` gathers the groups of commands, one a module, all over the Workspace."""
