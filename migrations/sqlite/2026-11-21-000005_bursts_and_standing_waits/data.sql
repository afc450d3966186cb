-- A message as this migration's code wrote it: overheard in a room, of a goal that is over.
INSERT INTO messages (id, persona, kind, sender, text, goal, priority, state, received_ms, serve_by_ms, trace, correlation,
  project, scored, falls, coalescing, optional, begun, lane, deadline_ms) VALUES (x'01939e00000070008000000000000015', x'01939e00000070008000000000000001', 'chat', 'owner',
  'has anyone handed it in', x'01939e00000070008000000000000013', 500, 'done', 1732492800000, 1732496400000,
  x'01939e00000070008000000000000017', NULL, NULL, 1, 0, 'room:7', 1, 0, 2, 1732493010000);
-- Nobody is there any more whom it could tell.
INSERT INTO standing_waits (id, waiter, watched, kind, tag, text, created_by, created_ms, seen_seq, told, told_ms, ended_ms,
  ended_because) VALUES (x'01939e00000070008000000000000018', x'01939e00000070008000000000000001', x'01939e00000070008000000000000002', 'done', NULL, 'code', 'owner', 1732492800000, 0, 1,
  1732492800000, 1732496400000, 'removed by owner');
