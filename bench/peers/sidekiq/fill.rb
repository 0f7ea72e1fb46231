# Stores BENCH_COUNT tasks.
require 'json'
require_relative 'tasks'

CHUNK = 1000
payload = JSON.parse(ENV.fetch('BENCH_PAYLOAD'))
left = Integer(ENV.fetch('BENCH_COUNT'))
while left.positive?
  size = [CHUNK, left].min
  Noop.perform_bulk(Array.new(size) { [payload] })
  left -= size
end
