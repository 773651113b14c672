"""A pass through a model, compiled once for each kind of input, and run eagerly where it cannot be compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from core.common.memory import ran_out_of_memory
from core.errors import InputRejected
from core.extraction.failures import failure
from core.inputs import structure

__all__ = ["CompiledFunction", "CompiledPass", "compile_function"]

Description = TypeVar("Description")
Forward: TypeAlias = Callable[..., tuple[Any, Description]]


@dataclass(frozen=True)
class CompiledFunction(Generic[Description]):
    """A function that was compiled, and what its outputs are.

    Attributes:
        function: Takes tensors of the types that it was compiled for, and returns the outputs.
        description: What was said of the outputs while they were traced.
    """

    function: Callable[..., Any]
    description: Description


def compile_function(forward: Forward[Description], signature: Sequence[Any]) -> CompiledFunction[Description] | None:
    """Compile a function that returns its outputs and a description of them.

    Args:
        forward: Called with tensors of a graph.
        signature: Type of each of its arguments, in any structure of TensorFlow's own.

    Returns:
        None if it cannot be traced, as Python that looks at values cannot be; who runs it eagerly then is told if it
        was anything else.

    Raises:
        InputRejected: If tracing it shows that something is asked for that cannot be.
    """
    import tensorflow as tf

    descriptions: list[Description] = []

    def traced(*tensors: Any) -> Any:
        outputs, description = forward(*tensors)
        descriptions.append(description)
        return outputs

    try:
        function = tf.function(traced, autograph=False).get_concrete_function(*signature)
    except InputRejected:
        raise
    except Exception:
        return None
    return CompiledFunction(function, descriptions[-1])


@dataclass(frozen=True)
class CompiledPass(Generic[Description]):
    """A pass: compiled for any number of samples, else for exactly as many as there are, else run eagerly.

    Attributes:
        model: The model that it goes through.
        forward: Makes the pass, inside a graph or not: takes the inputs in the model's own structure and whatever
            tensors go in beside them, returns tensors and what these are.
        cached: Returns what was compiled for a signature, or compiles it now and keeps it, None too; called with the
            signature and with what compiles.
    """

    model: Any
    forward: Forward[Description]
    cached: Callable[[Any, Callable[[], CompiledFunction[Description] | None]], CompiledFunction[Description] | None]

    def compiled_for(self, signature: Any, *others: Any) -> CompiledFunction[Description] | None:
        """Return the pass as it was compiled for inputs of a signature; None if it cannot be.

        Args:
            signature: See :func:`core.inputs.structure.open_signature`.
            others: Tensors that go in beside the inputs; their extents are left open.

        Raises:
            InputRejected: If tracing it shows that something is asked for that cannot be.
        """
        return self.cached(signature, partial(self._compile, signature, others))

    def run(self, tensors: Any, *others: Any) -> tuple[Any, Description]:
        """Make the pass and return what it gave, and what that is.

        Args:
            tensors: What :func:`core.inputs.structure.to_tensors` makes of inputs.
            others: Tensors that go in beside them.

        Raises:
            InputRejected: If something is asked for that cannot be.
            ExtractionFailed: If the model raises; the message names the layer.
        """
        for signature in (structure.open_signature(tensors), structure.exact_signature(tensors)):
            compiled = self.compiled_for(signature, *others)
            if compiled is None:
                continue
            try:
                return compiled.function(*structure.flat(tensors), *others), compiled.description
            except Exception as error:
                if ran_out_of_memory(error):
                    # TensorFlow has waited for memory long enough; another pass would wait as long.
                    raise failure(self.model, None, error) from error
                # The eager pass at the end knows which layer it was.
        return self.forward(tensors, *others)

    def _compile(self, signature: Any, others: Sequence[Any]) -> CompiledFunction[Description] | None:
        import tensorflow as tf

        inputs = structure.flat(signature)

        def forward(*tensors: Any) -> tuple[Any, Description]:
            return self.forward(structure.packed(signature, tensors[: len(inputs)]), *tensors[len(inputs) :])

        open_specs = [tf.TensorSpec([None] * tensor.shape.rank, tensor.dtype) for tensor in others]
        return compile_function(forward, [*inputs, *open_specs])
