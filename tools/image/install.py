"""Install the locked packages for the image's platform, which may not be the builder's: wheels alone, nothing runs.

`python3 install.py ARCHITECTURE LOCK FOLDER`, where ARCHITECTURE is what container tools call it: amd64 or arm64.
"""

import os
import subprocess
import sys

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def platforms(machine: str, glibc: int) -> list[str]:
    """The names of platforms whose wheels run on a C library 2.`glibc`, the newest first."""
    return [*(f"manylinux_2_{minor}_{machine}" for minor in range(glibc, 16, -1)), f"manylinux2014_{machine}"]


def main(architecture: str, lock: str, folder: str) -> None:
    """Install without building anything."""
    glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "glibc 2.28").rpartition(".")[2]
    names = platforms(MACHINES[architecture], int(glibc))
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    command += [
        "--root-user-action=ignore",
        "--no-cache-dir",
        "--no-compile",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    command += ["--requirement", lock, "--target", folder, *(f"--platform={name}" for name in names)]
    subprocess.run(command, check=True)  # noqa: S603 - pip, and the lock's words


if __name__ == "__main__":
    main(*sys.argv[1:])
