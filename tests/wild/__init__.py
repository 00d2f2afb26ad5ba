"""Networks as people write them: hand-written backward passes that know nothing of a checker."""
