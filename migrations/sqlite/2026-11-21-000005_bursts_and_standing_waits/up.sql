-- The key of a burst: of its messages that wait at the same time the newest is worked at.
ALTER TABLE messages ADD COLUMN coalescing TEXT;
-- Nobody waits for it: the persona's mood may hold it back.
ALTER TABLE messages ADD COLUMN optional INTEGER NOT NULL DEFAULT 0;
-- A run was begun for it, so it is neither dropped nor coalesced any more.
ALTER TABLE messages ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
-- 0 urgent, 1 owed, 2 optional; in each the earliest deadline goes first.
ALTER TABLE messages ADD COLUMN lane INTEGER NOT NULL DEFAULT 1;
ALTER TABLE messages ADD COLUMN deadline_ms INTEGER NOT NULL DEFAULT 0;
UPDATE messages SET lane = CASE WHEN priority > 800 THEN 0 ELSE 1 END, deadline_ms = received_ms + 210000,
  begun = EXISTS (SELECT 1 FROM runs WHERE runs.goal = messages.goal);

-- What waits and was not begun: who is next, what a burst consists of, and what goes first when there is too much.
CREATE INDEX messages_next ON messages (persona, lane, deadline_ms, received_ms, id) WHERE state = 'waiting' AND NOT begun;
CREATE INDEX messages_least ON messages (persona, priority, optional DESC, received_ms DESC, id DESC)
  WHERE state = 'waiting' AND NOT begun;
CREATE INDEX messages_burst ON messages (persona, coalescing, received_ms DESC, id DESC)
  WHERE state = 'waiting' AND NOT begun AND coalescing IS NOT NULL;
CREATE INDEX messages_begun ON messages (persona) WHERE begun AND state IN ('waiting', 'running');

-- How many messages wait, so that nobody counts ten thousand rows for one newcomer.
CREATE TABLE inboxes (
  persona BLOB PRIMARY KEY NOT NULL,
  waiting INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO inboxes (persona, waiting)
  SELECT persona, sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END) FROM messages GROUP BY persona;
CREATE TRIGGER messages_arrive AFTER INSERT ON messages WHEN NEW.state = 'waiting'
BEGIN
  INSERT INTO inboxes (persona, waiting) VALUES (NEW.persona, 1) ON CONFLICT (persona) DO UPDATE SET waiting = waiting + 1;
END;
CREATE TRIGGER messages_move AFTER UPDATE OF state ON messages WHEN (NEW.state = 'waiting') <> (OLD.state = 'waiting')
BEGIN
  INSERT INTO inboxes (persona, waiting) VALUES (NEW.persona, CASE WHEN NEW.state = 'waiting' THEN 1 ELSE -1 END)
    ON CONFLICT (persona) DO UPDATE SET waiting = waiting + excluded.waiting;
END;

-- A persona that wants to be told what happens to another one: how far it has looked on the other's chain.
CREATE TABLE standing_waits (
  id BLOB PRIMARY KEY NOT NULL,
  waiter BLOB NOT NULL,
  watched BLOB NOT NULL,
  kind TEXT,
  tag TEXT,
  text TEXT,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  seen_seq INTEGER NOT NULL,
  told INTEGER NOT NULL,
  told_ms INTEGER,
  ended_ms INTEGER,
  ended_because TEXT
) STRICT;
CREATE INDEX standing_waits_open ON standing_waits (waiter) WHERE ended_ms IS NULL;
