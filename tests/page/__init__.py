"""The demo's page, driven as a person would."""
