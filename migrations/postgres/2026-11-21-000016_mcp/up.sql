-- Tools of MCP servers that people confirmed, each exactly as it stood then.
CREATE TABLE mcp_pins (
  server TEXT NOT NULL,
  tool TEXT NOT NULL,
  definition TEXT NOT NULL,
  hash BYTEA NOT NULL,
  confirmed_by TEXT NOT NULL,
  confirmed_ms BIGINT NOT NULL,
  PRIMARY KEY (server, tool)
);
