-- Whether a mark ("defa") is the end of a task that waits. A revocation is. The loss of its worker is so only
-- once it is filed: that worker may have been frozen, and comes back. Words beside a mark are of a revocation,
-- though BullMQ may have written those of a loss over it.
local function isRevocation(mark, note)
  return string.find(note or '', '^[^,]*,[^,]+,[^,]*,[^,]*,.') ~= nil
    or string.find(mark, '^TaskRevokedError: ') ~= nil
    or string.find(mark, '^TaskExpired: ') ~= nil
end
