import threading
import time

import pytest

from core.common.cache import OnceCache


def test_makes_each_thing_once_however_many_threads_ask():
    store, made = OnceCache(4), []
    together = threading.Barrier(8)
    seen = []

    def make():
        made.append(threading.get_ident())
        time.sleep(0.05)
        return object()

    def ask():
        together.wait()
        seen.append(store.get("key", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == 1
    assert len(seen) == 8
    assert len(set(map(id, seen))) == 1


def test_a_slow_thing_does_not_keep_others_waiting():
    store, begun, go_on = OnceCache(4), threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(5)
        return "slow"

    thread = threading.Thread(target=store.get, args=("slow", slow))
    thread.start()
    assert begun.wait(5)
    assert store.get("fast", lambda: "fast") == "fast"
    go_on.set()
    thread.join()

    assert store.get("slow", lambda: "made again") == "slow"


def test_what_was_not_asked_for_the_longest_goes_first():
    store, made = OnceCache(2), []

    def get(key):
        return store.get(key, lambda: made.append(key) or key)

    get("a")
    get("b")
    get("a")
    get("c")
    get("a")
    get("b")

    assert made == ["a", "b", "c", "b"]


def test_none_is_kept_too():
    store, made = OnceCache(1), []
    for _ in range(2):
        assert store.get("a", lambda: made.append(1)) is None

    assert made == [1]


def test_a_failure_is_not_kept():
    store = OnceCache(2)
    with pytest.raises(ZeroDivisionError):
        store.get("a", lambda: 1 / 0)

    assert store.get("a", lambda: "now it works") == "now it works"


def test_those_who_wait_for_a_failure_try_themselves():
    store, together = OnceCache(2), threading.Barrier(4)
    attempts, seen = [], []

    def make():
        attempts.append(1)
        time.sleep(0.02)
        if len(attempts) == 1:
            raise ValueError("the first one fails")
        return "made"

    def ask():
        together.wait()
        try:
            seen.append(store.get("a", make))
        except ValueError as error:
            seen.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(attempts) == 2
    assert sorted(seen) == ["made", "made", "made", "the first one fails"]


def entries_of(store):
    """Return how much a store holds altogether: values, and what keeps threads apart."""
    return sum(len(value) for value in vars(store).values() if isinstance(value, dict))


def test_failures_leave_nothing_behind():
    store = OnceCache(2)
    for key in range(1000):
        with pytest.raises(ZeroDivisionError):
            store.get(key, lambda: 1 / 0)

    assert entries_of(store) == 0
    assert store.get("a", lambda: "made") == "made"
    assert entries_of(store) == 1


def test_nothing_is_left_behind_by_those_who_waited_for_a_failure():
    store, together = OnceCache(2), threading.Barrier(4)

    def fail():
        time.sleep(0.02)
        raise ValueError("never")

    def ask():
        together.wait()
        with pytest.raises(ValueError, match="never"):
            store.get("a", fail)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert entries_of(store) == 0
