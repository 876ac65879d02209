"""Take from a Debian root what a Python service never uses: programs first, then each library that nothing left needs.

`python3 strip.py ROOT [KEEP...]`: libraries that the ELF files below KEEP need stay as well. dpkg's list of packages
stays true, so that a scanner of the image sees what is there and nothing else.
"""

import re
import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

# Shells, the package manager, accounts, disks, archives: by package, as Debian 12 and 13 call them.
# fmt: off
PROGRAMS = (
    "adduser", "apt", "base-passwd", "bash", "bsdutils", "coreutils", "dash", "debconf", "debian-archive-keyring",
    "debianutils", "diffutils", "dpkg", "e2fsprogs", "findutils", "gpgv", "grep", "gzip", "hostname",
    "init-system-helpers", "login", "login.defs", "logsave", "mawk", "mount", "ncurses-base", "ncurses-bin",
    "openssl-provider-legacy", "passwd", "perl-base", "sed", "sqv", "sysvinit-utils", "tar",
    "usr-is-merged", "util-linux", "util-linux-extra", "libpam-modules", "libpam-modules-bin", "libpam-runtime",
    "python3-pip-whl", "python3-setuptools-whl", "python3-distutils", "python3-lib2to3", "python3-venv",
    "python3.11-venv", "python3.13-venv", "readline-common", "sensible-utils",
)
# fmt: on
# Never named by an ELF file and needed all the same: the C library opens libgcc_s when a thread is cancelled.
ALWAYS = {"libc6", "libgcc-s1", "gcc-12-base", "gcc-14-base", "libcrypt1", "libstdc++6"}
USELESS = ("usr/share/man", "usr/share/locale", "usr/share/info", "var/cache", "var/log", "var/lib/apt")
# Of the standard library: what installs packages, draws windows or converts Python 2.
MODULES = ("ensurepip", "idlelib", "lib2to3", "turtledemo", "test", "site-packages/pip", "site-packages/pip-*")
COMMANDS = (
    "pip*",
    "idle*",
    "2to3*",
    "pydoc*",
    "pdb*",
    "py3*",
    "pygettext*",
    "openssl",
    "c_rehash",
    "update-ca-certificates",
)
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB = 1, 5


class Packages:
    """dpkg's database below a root."""

    def __init__(self, root: Path) -> None:
        self._info = root / "var/lib/dpkg/info"
        self._status = root / "var/lib/dpkg/status"
        self._root = root
        stanzas = self._status.read_text(encoding="utf-8").strip().split("\n\n")
        self._stanzas = {_field(stanza, "Package"): stanza for stanza in stanzas if stanza}

    def __contains__(self, name: str) -> bool:
        return name in self._stanzas

    def libraries(self) -> list[str]:
        """Packages that hold shared libraries and may go when nothing needs them."""
        return [
            name for name in self._stanzas if name.startswith("lib") and "python" not in name and name not in ALWAYS
        ]

    def files(self, name: str) -> list[Path]:
        """Where a package's files are below the root, without directories that others may share."""
        listed = [path for path in (self._info / f"{name}.list", *self._info.glob(f"{name}:*.list")) if path.is_file()]
        lines = [line for path in listed for line in path.read_text(encoding="utf-8").splitlines()]
        paths = [self._root / line.lstrip("/") for line in lines if line != "/."]
        # /lib is a link to usr/lib, and listed as the folder that it once was.
        return [path for path in paths if path.is_file() or (path.is_symlink() and path.parent != self._root)]

    def remove(self, name: str) -> None:
        """Take a package away, and the directories that it leaves empty."""
        for path in self.files(name):
            path.unlink(missing_ok=True)
            _remove_empty(path.parent, self._root)
        for path in [*self._info.glob(f"{name}.*"), *self._info.glob(f"{name}:*")]:
            path.unlink()
        del self._stanzas[name]
        self._status.write_text("\n\n".join(self._stanzas.values()) + "\n\n", encoding="utf-8")


def _field(stanza: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)$", stanza, re.MULTILINE)
    return found[1] if found else ""


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and not folder.is_symlink() and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def needed(path: Path) -> list[str]:
    """The libraries that an ELF file of 64 bits names; of another file, none."""
    with path.open("rb") as file:
        if file.read(5) != b"\x7fELF\x02":
            return []
    content = path.read_bytes()
    table, size, count = struct.unpack_from("<Q", content, 32)[0], *struct.unpack_from("<HH", content, 54)
    headers = [struct.unpack_from("<IIQQQQ", content, table + number * size) for number in range(count)]
    entries = [
        struct.unpack_from("<QQ", content, at)
        for kind, _, offset, _, _, length in headers
        if kind == PT_DYNAMIC
        for at in range(offset, offset + length, 16)
    ]
    address = next((value for tag, value in entries if tag == DT_STRTAB), 0)
    segments = [(offset - start, start, start + size) for kind, _, offset, start, _, size in headers if kind == PT_LOAD]
    strings = next((address + shift for shift, start, end in segments if start <= address < end), 0)
    offsets = [strings + value for tag, value in entries if tag == DT_NEEDED]
    return [content[at : content.index(b"\0", at)].decode() for at in offsets]


def elf_files(*roots: Path) -> Iterator[Path]:
    """Programs and libraries below some folders."""
    for root in roots:
        for path in root.rglob("*"):
            if path.is_file() and not path.is_symlink() and (".so" in path.name or path.stat().st_mode & 0o111):
                yield path


def strip(root: Path, *keep: Path) -> list[str]:
    """Remove what is not needed; the packages that went."""
    packages = Packages(root)
    gone = [name for name in PROGRAMS if name in packages]
    for name in gone:
        packages.remove(name)
    while unused := _unused(packages, root, *keep):
        for name in unused:
            packages.remove(name)
        gone += unused
    _remove_files(root)
    return gone


def _remove_files(root: Path) -> None:
    """Remove what no package owns, or what its package keeps beside what is needed; licences stay."""
    places = [root / place for place in USELESS]
    places += [path for name in MODULES for path in root.glob(f"usr/**/python3.*/{name}")]
    places += [path for name in COMMANDS for path in root.glob(f"usr/**/*bin/{name}")]
    places += [path for path in root.glob("usr/**/*bin/*") if path.is_symlink() and not path.exists()]
    places += [path for path in root.glob("usr/share/doc/*/*") if path.name != "copyright"]
    places += [path for path in root.glob("usr/**/__pycache__") if path.is_dir()]
    for path in places:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _unused(packages: Packages, root: Path, *keep: Path) -> list[str]:
    """Library packages none of whose files another file names."""
    wanted = {name for path in elf_files(root, *keep) for name in needed(path)}
    return [name for name in packages.libraries() if not any(path.name in wanted for path in packages.files(name))]


def missing(*roots: Path) -> set[str]:
    """Libraries that an ELF file names and no folder holds; of another platform nothing else would tell it."""
    wanted = {name for path in elf_files(*roots) for name in needed(path)}
    return wanted - {path.name for root in roots for path in root.rglob("*.so*")}


if __name__ == "__main__":
    print("removed:", *strip(*map(Path, sys.argv[1:])))  # noqa: T201 - for the build's log
    if names := missing(*map(Path, sys.argv[1:])):
        raise SystemExit(f"the image lacks {', '.join(sorted(names))}")
