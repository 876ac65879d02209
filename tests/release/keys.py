"""Private keys, as a release signs with them and as it refuses them."""

import subprocess
from pathlib import Path

P_256 = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def generate(path: Path, *words: str) -> Path:
    """Write a new key; `words` say which."""
    subprocess.run(["openssl", "genpkey", *words, "-out", path], check=True, capture_output=True)
    return path
