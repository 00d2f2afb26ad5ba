"""One network per file, each with its own author's habits."""
