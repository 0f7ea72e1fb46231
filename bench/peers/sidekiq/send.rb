# Sends tasks one after the other, or BENCH_CHUNK at a time: a closed loop as load/loops.mjs has it.
require 'json'
require_relative 'tasks'

def now(clock = Process::CLOCK_MONOTONIC) = Process.clock_gettime(clock)
def cpu = now(Process::CLOCK_PROCESS_CPUTIME_ID)

payload = JSON.parse(ENV.fetch('BENCH_PAYLOAD'))
chunk = Integer(ENV.fetch('BENCH_CHUNK'))
from = now + Float(ENV.fetch('BENCH_WARM_UP'))
till = from + Float(ENV.fetch('BENCH_SECONDS'))
total = counted = 0
first = nil
while now < till
  chunk > 1 ? Noop.perform_bulk(Array.new(chunk) { [payload] }) : Noop.perform_async(payload)
  total += 1
  next if now < from

  first ? counted += 1 : first = [now, cpu]
end
rate = counted / (now - first[0])
puts JSON.generate(rate: rate, cpu: (cpu - first[1]) * 1e6 / counted, total: total)
