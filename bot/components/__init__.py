"""Buttons, dialogs and panels: components whose `custom_id` is all they remember."""
