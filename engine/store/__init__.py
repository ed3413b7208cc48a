"""The only SQL: plain functions of a connection by subject, and the store that runs them."""
