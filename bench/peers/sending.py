# A closed loop of one sender, as load/loops.mjs has it.
import json
import os
import time


def measure(send):
    start = time.perf_counter() + float(os.environ["BENCH_WARM_UP"])
    end = start + float(os.environ["BENCH_SECONDS"])
    total = counted = 0
    first = None
    while time.perf_counter() < end:
        send()
        total += 1
        if time.perf_counter() < start:
            continue
        if first is None:
            first = time.perf_counter(), time.process_time()
        else:
            counted += 1
    seconds = time.perf_counter() - first[0]
    cpu = (time.process_time() - first[1]) * 1e6 / counted
    print(json.dumps({"rate": counted / seconds, "cpu": cpu, "total": total}))
