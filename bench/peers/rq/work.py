# Works tasks off until it is told to end: what `rq worker bench` does.
import os

from redis import Redis
from rq import Worker

Worker(["bench"], connection=Redis.from_url(os.environ["BENCH_REDIS_URL"])).work()
