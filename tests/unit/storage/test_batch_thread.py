"""The thread behind both writers: it works when asked, again when it fails, and outlives its errors."""

import threading

import pytest

from anyapi.errors import StorageError
from anyapi.storage.batch_thread import BatchThread

NEVER = 3600.0


class Work:
    """A piece of work that fails or raises as often as told."""

    def __init__(self, fail=0, crash=0):
        self.fail, self.crash = fail, crash
        self.runs = 0
        self.ran = threading.Event()
        self.crashes = []

    def __call__(self):
        self.runs += 1
        self.ran.set()
        if self.crash:
            self.crash -= 1
            raise ZeroDivisionError
        if self.fail:
            self.fail -= 1
            return False
        return True

    def thread(self, interval=NEVER, idle=NEVER):
        return BatchThread("test", self, self.crashes.append, interval=interval, idle=idle)


def test_asked_it_works_within_the_interval():
    work = Work()
    thread = work.thread(interval=0.001)
    thread.ask()
    assert work.ran.wait(10)
    assert thread.close(10)


def test_nobody_asks_and_nothing_runs_until_it_closes():
    work = Work()
    thread = work.thread(interval=0.001)
    assert thread.close(10)
    assert work.runs == 1


def test_idle_it_works_by_itself():
    work = Work()
    thread = work.thread(interval=0.001, idle=0.001)
    assert work.ran.wait(10)
    assert thread.close(10)


def test_flush_does_not_wait_for_the_interval():
    work = Work()
    thread = work.thread()
    thread.flush(10)
    assert work.runs == 1
    thread.flush(10)
    assert work.runs == 2
    assert thread.close(10)


def test_failing_work_is_tried_again_until_it_succeeds():
    work = Work(fail=3)
    thread = work.thread(interval=0.001)
    thread.flush(10)
    assert work.runs == 4
    assert thread.close(10)


def test_an_exception_is_handed_on_and_the_thread_lives():
    work = Work(crash=2)
    thread = work.thread(interval=0.001)
    thread.flush(10)
    assert [type(crash) for crash in work.crashes] == [ZeroDivisionError, ZeroDivisionError]
    assert work.runs == 3
    assert thread.close(10)


def test_flush_says_when_the_work_is_not_done_in_time():
    work = Work(fail=1_000_000)
    thread = work.thread(interval=0.001)
    with pytest.raises(StorageError, match=r"0\.01 s"):
        thread.flush(0.01)
    assert thread.close(0.01)


def test_close_gives_up_on_work_that_never_succeeds():
    work = Work(fail=1_000_000)
    thread = work.thread(interval=0.001)
    assert thread.close(0.05)


def test_close_says_when_the_thread_hangs():
    hanging, hangs = threading.Event(), threading.Event()

    def work():
        hangs.set()
        return hanging.wait(60)

    thread = BatchThread("test", work, lambda error: None, interval=0.001, idle=NEVER)
    thread.ask()
    assert hangs.wait(10)
    assert not thread.close(0.01)
    hanging.set()
    assert thread.close(10)


def test_what_is_queued_while_it_works_is_done_before_it_closes():
    queue, done, began, go_on = [1], [], threading.Event(), threading.Event()

    def work():
        taken = [*queue]
        queue.clear()
        began.set()
        go_on.wait(10)
        done.extend(taken)
        return True

    thread = BatchThread("test", work, lambda error: None, interval=0.001, idle=NEVER)
    thread.ask()
    assert began.wait(10)
    queue.append(2)
    thread.ask()
    closing = threading.Thread(target=thread.close, args=(10,))
    closing.start()
    while thread._deadline is None:
        pass
    go_on.set()
    closing.join(10)
    assert done == [1, 2]
