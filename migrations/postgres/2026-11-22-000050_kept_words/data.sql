-- A key that keeps words, as this migration's code wrote it.
INSERT INTO virtual_keys (id, name, hash, tail, persona, models, per_minute, created_by, created_ms, revoked_ms,
  keeps_words) VALUES ('\x01939e000000700080000000000000b1', 'kept',
  '\x6262626262626262626262626262626262626262626262626262626262626262', 'abcd', NULL, '["*"]', 0, 'owner',
  1732492800000, NULL, TRUE);
