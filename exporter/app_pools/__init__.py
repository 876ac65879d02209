"""What the application's processes report of their pools: receiving, checking, keeping, judging."""
