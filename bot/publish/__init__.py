"""What is posted unasked: results, the audit feed, moderation."""
