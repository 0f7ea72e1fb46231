# The tasks of the benchmarks.
import os

from celery import Celery

url = os.environ["BENCH_REDIS_URL"]
app = Celery("bench", broker=url + "/0", backend=url + "/1")
app.conf.task_acks_late = bool(os.environ.get("BENCH_ACKS_LATE"))


@app.task(name="noop")
def noop(**kwargs):
    return 1


@app.task(name="flaky", bind=True)
def flaky(self, **kwargs):
    if self.request.retries == 0:
        raise self.retry(countdown=0, max_retries=1)
    return 1
