-- An approval that waits, as this migration's code wrote it.
INSERT INTO approvals (id, persona, goal, run, step, call_key, tool, digest, state, subject, again, asked_ms, expires_ms)
  VALUES ('\x01939e00000070008000000000000052', '\x01939e00000070008000000000000001', '\x01939e00000070008000000000000023',
  '\x01939e00000070008000000000000005', 2, '01939e00-0000-7000-8000-000000000023:2', 'browser_click', '\xcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd',
  'waiting', '{"label":"browser_click #send","args":{"action":"click","selector":"#send"},"rule":"autonomy: supervised"}',
  FALSE, 1732492800000, 4102444800000);
