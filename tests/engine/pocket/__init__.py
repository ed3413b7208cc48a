"""What ships under engine/pocket, and the training of it."""
