# The task of the benchmarks. Sidekiq stores no results, so it stores one itself.
require 'sidekiq'

BENCH_URL = ENV.fetch('BENCH_REDIS_URL')
Sidekiq.configure_server { |config| config.redis = { url: "#{BENCH_URL}/0" } }
Sidekiq.configure_client { |config| config.redis = { url: "#{BENCH_URL}/0" } }
RESULTS = ConnectionPool.new(size: 10) { Redis.new(url: "#{BENCH_URL}/1") }

class Noop
  include Sidekiq::Worker

  def perform(_payload)
    RESULTS.with { |redis| redis.setex("result:#{jid}", 86_400, 1) }
  end
end
