"""``python -m layerscope`` is the ``layerscope`` command."""

from core.cli.main import main

if __name__ == "__main__":
    main(prog_name="layerscope")
