# SPDX-License-Identifier: Apache-2.0
"""Progress, Ctrl-C, and threads. Nothing here waits for a time: each side waits for what the other has done."""

import os
import signal
import threading
import weakref

import numpy as np
import pytest
import tqdm

import diptych
from conftest import PICTURES


def many(count):
    return [np.zeros((8, 8, 3), np.uint8)] * count


def test_progress_counts_pictures(model):
    steps = []
    model.encode_images(many(70), progress=lambda *step: steps.append(step))
    counted = [(done, total) for unit, done, total in steps if unit == "pictures"]
    assert counted[-1] == (70, 70) and counted == sorted(counted)


class Bar:
    """As much of tqdm as is needed, and less of what is not."""

    def __init__(self):
        self.n, self.total, self.most = 0, None, 0

    def update(self, n=1):
        self.n += n
        self.most = max(self.most, self.n)


def test_progress_may_be_a_bar(model):
    bar = Bar()
    model.encode_images(many(70), progress=bar)
    assert bar.n == bar.total == 70


def test_a_bar_of_tqdm_begins_anew_with_each_phase(index, tmp_path):
    with open(tmp_path / "bar", "w", encoding="utf-8") as file, tqdm.tqdm(file=file, mininterval=0) as bar:
        index.sync(retry=True, gone=True, progress=bar)
    assert "looking for pictures" in (tmp_path / "bar").read_text(encoding="utf-8")


def test_what_progress_raises_ends_the_call(model):
    class Enough(Exception):
        pass

    steps = []

    def stop(unit, done, total):
        steps.append(done)
        if unit == "pictures":
            raise Enough(done)

    with pytest.raises(Enough):
        model.encode_images(many(500), progress=stop)
    assert max(steps) < 500
    with pytest.raises(ZeroDivisionError):
        model.encode_texts(["a"], progress=lambda *step: 1 / 0)


def test_ctrl_c_ends_a_call(model, index):
    def interrupt(unit, done, total):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        model.encode_images(many(500), progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        index.sync(progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        diptych.score_captions(["a"], ["a"], progress=interrupt)
    assert model.encode_images(many(1)).shape == (1, 128)


def test_ctrl_c_ends_a_call_that_waits(index):
    """For an index that another thread has, which lets it go only when the main thread is done waiting."""
    main, held, waits, over = threading.main_thread().ident, threading.Event(), threading.Event(), threading.Event()

    def hold(unit, done, total):
        if unit != "waiting for the index" and not held.is_set():
            held.set()
            assert waits.wait(60)
            signal.pthread_kill(main, signal.SIGINT)
            assert over.wait(60)

    def wait(unit, done, total):
        if unit == "waiting for the index":
            waits.set()

    holder = threading.Thread(target=index.sync, kwargs={"progress": hold})
    holder.start()
    try:
        assert held.wait(60)
        with pytest.raises(KeyboardInterrupt):
            index.search("a red heart", progress=wait)
    finally:
        over.set()
        holder.join()
    assert len(index.search("a red heart")) == 10


def test_two_threads_are_in_calls_at_once(model):
    """Each waits in its first step for the other to be in its own."""
    both = threading.Barrier(2, timeout=60)
    rows = {}

    def encode(name):
        met = []

        def meet(unit, done, total):
            if unit == "pictures" and not met:
                met.append(both.wait())

        rows[name] = model.encode_images([PICTURES / "01.png"] * 40, progress=meet)

    threads = [threading.Thread(target=encode, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (rows["a"] == rows["b"]).all()


def test_a_model_may_be_closed_while_a_thread_uses_it():
    model = diptych.Model()
    rows = model.encode_images(many(1))

    def close(unit, done, total):
        model.close()

    assert (model.encode_images(many(100), progress=close) == rows[0]).all()
    with pytest.raises(diptych.ArgumentError, match="closed"):
        model.encode_images(many(1))


def test_calls_leave_nothing_for_the_collector(model):
    class Step:
        def __call__(self, unit, done, total):
            pass

    step = Step()
    seen = weakref.ref(step)
    model.encode_images(many(1), progress=step)
    del step
    assert seen() is None
