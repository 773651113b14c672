"""What an agent may ask of a model, by the Model Context Protocol: ``layerscope mcp`` serves it.

Begin reading at ``tools``: each of its methods is a tool, and asks a workspace. ``open_models`` holds the models that
are open, each in a worker of its own, ``readable_folder`` says which files may be read, ``results`` is what comes back,
and ``server`` says all of it in the protocol; it alone needs the package ``mcp``.
"""
