-- The key of a burst: of its messages that wait at the same time the newest is worked at.
ALTER TABLE messages ADD COLUMN coalescing TEXT;
-- Nobody waits for it: the persona's mood may hold it back.
ALTER TABLE messages ADD COLUMN optional INTEGER NOT NULL DEFAULT 0;
