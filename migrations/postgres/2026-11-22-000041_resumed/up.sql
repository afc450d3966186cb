-- When a persona was resumed last: while it was paused its work did not wait for a slice.
ALTER TABLE personas ADD COLUMN resumed_ms BIGINT;
