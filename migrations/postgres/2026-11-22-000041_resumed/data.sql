-- A persona that was paused and resumed, as this migration's code wrote it.
INSERT INTO personas (id, slug, name, role, description, status, version, profile, hosts, model, failure_streak,
  created_ms, updated_ms, weight, resumed_ms) VALUES ('\x01939e000000700080000000000000a9', 'back', 'Back', NULL, '', 'active', 3, '{}', '[]',
  NULL, 0, 1732492800000, 1732492800000, 1000, 1732492900000);
