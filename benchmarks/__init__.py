"""Commands that regenerate each claim of speed and accuracy."""
