# Stores BENCH_COUNT tasks.
import json
import os

from bench_celery import app

payload = json.loads(os.environ["BENCH_PAYLOAD"])
task = app.tasks[os.environ["BENCH_TASK"]]
with app.producer_or_acquire() as producer:
    for _ in range(int(os.environ["BENCH_COUNT"])):
        task.apply_async(kwargs=payload, producer=producer)
