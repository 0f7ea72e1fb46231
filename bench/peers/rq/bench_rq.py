# The tasks of the benchmarks.
from rq import get_current_job


def noop(**kwargs):
    return 1


def flaky(**kwargs):
    if get_current_job().retries_left == 1:
        raise RuntimeError("the first run fails")
    return 1
