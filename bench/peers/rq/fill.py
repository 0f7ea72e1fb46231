# Stores BENCH_COUNT tasks.
import json
import os

from redis import Redis
from rq import Queue, Retry

CHUNK = 1000
queue = Queue("bench", connection=Redis.from_url(os.environ["BENCH_REDIS_URL"]))
payload = json.loads(os.environ["BENCH_PAYLOAD"])
name = os.environ["BENCH_TASK"]
retry = Retry(max=1) if name == "flaky" else None
left = int(os.environ["BENCH_COUNT"])
while left > 0:
    size = min(CHUNK, left)
    data = [Queue.prepare_data("bench_rq." + name, kwargs=payload, retry=retry) for _ in range(size)]
    queue.enqueue_many(data)
    left -= size
