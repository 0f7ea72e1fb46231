# Sends tasks one after the other, or BENCH_CHUNK at a time.
import json
import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from redis import Redis
from rq import Queue
from sending import measure

queue = Queue("bench", connection=Redis.from_url(os.environ["BENCH_REDIS_URL"]))
payload = json.loads(os.environ["BENCH_PAYLOAD"])
chunk = int(os.environ["BENCH_CHUNK"])


def send_many():
    queue.enqueue_many([Queue.prepare_data("bench_rq.noop", kwargs=payload) for _ in range(chunk)])


measure(send_many if chunk > 1 else lambda: queue.enqueue("bench_rq.noop", kwargs=payload))
