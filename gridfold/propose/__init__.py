"""What to run next: a proposer is asked for runs, and told what came of them."""
