"""``python -m core`` is the ``layerscope`` command."""

from core.cli.main import main

main(prog_name="layerscope")
