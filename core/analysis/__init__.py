"""What activations tell: computed from them, or by passes that are changed, without a chart.

``attribution`` says what an answer depends on, ``maximization`` which inputs drive a unit, ``projection`` which samples
are near each other, ``health`` what is wrong with layers, ``comparison`` how alike those of two models are.
"""
