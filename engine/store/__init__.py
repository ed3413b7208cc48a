"""The only SQL: one connection, and plain functions of it by subject."""
