-- A full Redis refuses the first write of a script that might take memory, but none behind a write that
-- cannot take any. What concerns tasks that are there goes on: else the memory never comes free.
redis.call('DEL', (KEYS[1] or '') .. ':room')
