"""``python -m core`` is the ``layerscope`` command."""

from core.cli import main

main(prog_name="layerscope")
