-- A goal of which a person has to say whether something happened, as this migration's code wrote it.
INSERT INTO goals (id, persona, title, payload, proof, state, parked_on, attempts, last_error, result, due_ms, version,
  trace, correlation, project, created_by, created_ms, updated_ms, first_seq, last_seq, unit) VALUES ('\x01939e00000070008000000000000061', '\x01939e00000070008000000000000001',
  'send it', '{"kind":"ai","prompt":"Write a line.","length":"short"}', '{"assertions":[],"artifacts":[]}',
  'parked', 'reconcile', 1, NULL, NULL, NULL, 1, '\x01939e00000070008000000000000062', NULL, NULL, 'owner', 1732492800000, 1732492800000, 1, 1, NULL);
