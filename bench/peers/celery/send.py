# Sends tasks one after the other.
import json
import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from bench_celery import noop
from sending import measure

payload = json.loads(os.environ["BENCH_PAYLOAD"])
measure(lambda: noop.apply_async(kwargs=payload))
