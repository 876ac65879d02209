"""The words that every package shares: outcomes, probe results, the numbers of a pool. It imports nothing of ours."""
