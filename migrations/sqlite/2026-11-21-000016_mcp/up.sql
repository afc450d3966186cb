-- Tools of MCP servers that people confirmed, each exactly as it stood then.
CREATE TABLE mcp_pins (
  server TEXT NOT NULL,
  tool TEXT NOT NULL,
  definition TEXT NOT NULL,
  hash BLOB NOT NULL,
  confirmed_by TEXT NOT NULL,
  confirmed_ms INTEGER NOT NULL,
  PRIMARY KEY (server, tool)
) STRICT;
