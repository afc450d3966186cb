-- A message as this migration's code wrote it: overheard in a room, of a goal that is over.
INSERT INTO messages (id, persona, kind, sender, text, goal, priority, state, received_ms, serve_by_ms, trace, correlation,
  project, scored, falls, coalescing, optional) VALUES ('\x01939e00000070008000000000000015', '\x01939e00000070008000000000000001', 'chat', 'owner',
  'has anyone handed it in', '\x01939e00000070008000000000000013', 500, 'done', 1732492800000, 1732496400000,
  '\x01939e00000070008000000000000017', NULL, NULL, TRUE, 0, 'room:7', TRUE);
