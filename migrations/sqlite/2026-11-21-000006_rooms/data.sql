-- A room with a question and a persona that has the floor, as this migration's code wrote it.
INSERT INTO rooms (id, name, name_key, topic, status, version, created_by, created_ms, updated_ms) VALUES (
  x'01939e00000070008000000000000031', 'Studio', 'studio', 'What we write this week', 'active', 1, 'owner', 1732492800000, 1732492800000);
INSERT INTO room_members (room, member, kind, name, joined_ms) VALUES
  (x'01939e00000070008000000000000031', x'01939e00000070008000000000000001', 'persona', NULL, 1732492800000),
  (x'01939e00000070008000000000000031', x'01939e00000070008000000000000032', 'person', 'owner', 1732492800000);
INSERT INTO room_messages (id, room, kind, author, author_name, text, goal, reply_to, at_ms, trace, correlation) VALUES (
  x'01939e00000070008000000000000033', x'01939e00000070008000000000000031', 'person', x'01939e00000070008000000000000032', 'owner', '@Ada, what is next?', NULL, NULL, 1732492800000,
  x'01939e00000070008000000000000037', 'first');
INSERT INTO room_turns (goal, message, room, about, persona, from_person, named, state, thought, relevance, reluctant, why,
  opened_ms, granted_ms, moved_ms) VALUES (x'01939e00000070008000000000000003', x'01939e00000070008000000000000004', x'01939e00000070008000000000000031', x'01939e00000070008000000000000033', x'01939e00000070008000000000000001',
  1, 1, 'granted', 'owner names me.', 1000, 0, '', 1732492800000, 1732492801000, 1732492801000);
