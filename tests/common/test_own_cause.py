"""An error that is its own cause, as one that was caught and raised again from itself."""

from core.common.memory import ran_out_of_memory


def test_it_is_looked_at_once():
    error = ValueError("something else")
    error.__cause__ = error
    assert not ran_out_of_memory(error)


def test_what_is_behind_it_is_found():
    error, behind = ValueError("something else"), MemoryError()
    error.__cause__ = behind
    behind.__context__ = error
    assert ran_out_of_memory(error)
