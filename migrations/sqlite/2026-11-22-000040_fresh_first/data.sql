-- A message that was scored, as this migration's code wrote it.
INSERT INTO messages (id, persona, kind, sender, text, goal, priority, state, received_ms, serve_by_ms, trace, correlation,
  project, scored, falls, coalescing, optional, begun, lane, deadline_ms) VALUES (x'01939e000000700080000000000000a5', x'01939e00000070008000000000000001', 'chat', 'owner',
  'is it fresh', x'01939e00000070008000000000000013', 700, 'expired', 1732492800000, 1732496400000,
  x'01939e00000070008000000000000017', NULL, NULL, 1, 0, NULL, 0, 0, 1, 1732492860000);
