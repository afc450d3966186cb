-- A confirmed tool, as this migration's code wrote it.
INSERT INTO mcp_pins (server, tool, definition, hash, confirmed_by, confirmed_ms) VALUES ('notes', 'search',
  '{"description":"Finds notes.","inputSchema":{"type":"object"},"name":"search"}',
  x'abababababababababababababababababababababababababababababababab', 'owner', 1732492800000);
