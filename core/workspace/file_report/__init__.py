"""What a model file says without being opened, a refused one too.

``looks`` is what a page asks; ``report`` puts together ``layers`` (as ``rows``), ``weights`` and ``missing_classes``
into the ``results`` that cross to the page.
"""
