-- A persona with a weight of its own, as this migration's code wrote it.
INSERT INTO personas (id, slug, name, role, description, status, version, profile, hosts, model, failure_streak,
  created_ms, updated_ms, weight) VALUES ('\x01939e00000070008000000000000091', 'heavy', 'Heavy', NULL, '', 'active', 1, '{}', '[]',
  NULL, 0, 1732492800000, 1732492800000, 2500);
