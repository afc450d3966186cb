-- What was not begun by its time: it expires, however much else waits before it.
CREATE INDEX messages_expiry ON messages (persona, serve_by_ms, id) WHERE state = 'waiting' AND NOT begun;
