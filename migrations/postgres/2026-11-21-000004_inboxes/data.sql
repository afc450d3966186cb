-- A message as this migration's code wrote it.
INSERT INTO messages (id, persona, kind, sender, text, goal, priority, state, received_ms, serve_by_ms, trace, correlation,
  project, scored, falls) VALUES ('\x01939e00000070008000000000000014', '\x01939e00000070008000000000000001', 'chat', 'owner',
  '@Ada, hand it in', '\x01939e00000070008000000000000013', 900, 'done', 1732492800000, 1732496400000,
  '\x01939e00000070008000000000000017', NULL, NULL, TRUE, 0);
