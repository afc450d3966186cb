-- A scored message that is fresh counts more: the first of them are found behind any number of others.
CREATE INDEX messages_fresh ON messages (persona, lane, priority, received_ms, id)
  WHERE state = 'waiting' AND NOT begun AND scored;
