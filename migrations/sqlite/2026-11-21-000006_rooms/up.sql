-- Rooms: where several personas and people talk. name_key: the name in lower case; no two rooms share one.
CREATE TABLE rooms (
  id BLOB PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE,
  topic TEXT NOT NULL,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;

-- kind: person (a user, with the name at that time) or persona.
CREATE TABLE room_members (
  room BLOB NOT NULL,
  member BLOB NOT NULL,
  kind TEXT NOT NULL,
  name TEXT,
  joined_ms INTEGER NOT NULL,
  PRIMARY KEY (room, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_members_member ON room_members (member);

-- author: none for an operator at the command line. goal: whose answer it is; none: a person said it. run, receipt: what shows it.
CREATE TABLE room_messages (
  id BLOB PRIMARY KEY NOT NULL,
  room BLOB NOT NULL,
  kind TEXT NOT NULL,
  author BLOB,
  author_name TEXT NOT NULL,
  text TEXT NOT NULL,
  goal BLOB,
  reply_to BLOB,
  run BLOB,
  receipt BLOB,
  at_ms INTEGER NOT NULL,
  trace BLOB NOT NULL,
  correlation TEXT
) STRICT;
CREATE INDEX room_messages_room ON room_messages (room, id);
CREATE UNIQUE INDEX room_messages_correlation ON room_messages (room, correlation) WHERE correlation IS NOT NULL;

-- A persona's turn about one message: its intention (thought, relevance), and whether it got the floor.
CREATE TABLE room_turns (
  goal BLOB PRIMARY KEY NOT NULL,
  message BLOB NOT NULL,
  room BLOB NOT NULL,
  about BLOB NOT NULL,
  persona BLOB NOT NULL,
  from_person INTEGER NOT NULL,
  named INTEGER NOT NULL,
  state TEXT NOT NULL,
  thought TEXT NOT NULL,
  relevance INTEGER NOT NULL,
  reluctant INTEGER NOT NULL,
  why TEXT NOT NULL,
  opened_ms INTEGER NOT NULL,
  granted_ms INTEGER,
  moved_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX room_turns_state ON room_turns (state, room);
CREATE INDEX room_turns_about ON room_turns (about);
CREATE INDEX room_turns_granted ON room_turns (room, granted_ms) WHERE granted_ms IS NOT NULL;
