-- A room with a question and a persona that has the floor, as this migration's code wrote it.
INSERT INTO rooms (id, name, name_key, topic, status, version, created_by, created_ms, updated_ms) VALUES (
  '\x01939e00000070008000000000000031', 'Studio', 'studio', 'What we write this week', 'active', 1, 'owner', 1732492800000, 1732492800000);
INSERT INTO room_members (room, member, kind, name, joined_ms) VALUES
  ('\x01939e00000070008000000000000031', '\x01939e00000070008000000000000001', 'persona', NULL, 1732492800000),
  ('\x01939e00000070008000000000000031', '\x01939e00000070008000000000000032', 'person', 'owner', 1732492800000);
INSERT INTO room_messages (id, room, kind, author, author_name, text, goal, reply_to, at_ms, trace, correlation) VALUES (
  '\x01939e00000070008000000000000033', '\x01939e00000070008000000000000031', 'person', '\x01939e00000070008000000000000032', 'owner', '@Ada, what is next?', NULL, NULL, 1732492800000,
  '\x01939e00000070008000000000000037', 'first');
INSERT INTO room_turns (goal, message, room, about, persona, from_person, named, state, thought, relevance, reluctant, why,
  opened_ms, granted_ms, moved_ms) VALUES ('\x01939e00000070008000000000000003', '\x01939e00000070008000000000000004', '\x01939e00000070008000000000000031', '\x01939e00000070008000000000000033', '\x01939e00000070008000000000000001',
  TRUE, TRUE, 'granted', 'owner names me.', 1000, FALSE, '', 1732492800000, 1732492801000, 1732492801000);
