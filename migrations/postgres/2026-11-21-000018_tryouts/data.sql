-- A try that a crash cut off, as this migration's code wrote it.
INSERT INTO tryouts (id, tool, persona, effect, tried_by, trace, begun_ms) VALUES ('\x01939e00000070008000000000000061', 'count',
  '\x01939e00000070008000000000000001', 'irreversible', 'owner', '\x01939e00000070008000000000000062', 1732492800000);
