"""What lets others check a release: provenance (in-toto, SLSA 1.0), checksums, signatures."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.release import source
from tools.release.job import PROJECT, Job

SUMS = "SHA256SUMS"


def sha256(path: Path) -> str:
    """A file's checksum, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provenance(job: Job, pushed: Mapping[str, str]) -> dict[str, Any]:
    """What was made of what: each file and each pushed object is a subject."""
    subjects = [{"name": path.name, "digest": {"sha256": sha256(path)}} for path in sorted(job.out.iterdir())]
    subjects += [{"name": name, "digest": {"sha256": digest.partition(":")[2]}} for name, digest in pushed.items()]
    locks = [
        {"name": path, "digest": {"sha256": hashlib.sha256(source.content(job, path)).hexdigest()}}
        for path in source.git(job.root, "ls-tree", "--name-only", job.commit, "requirements/").splitlines()
        if path.endswith(".txt")
    ]
    run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}"
    builder = run.format_map(os.environ) if "GITHUB_RUN_ID" in os.environ else f"{PROJECT}/blob/main/Makefile"
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{PROJECT}/tree/main/tools/release",
                "externalParameters": {"registry": job.registry, "version": job.version, "base": job.base},
                "internalParameters": {"SOURCE_DATE_EPOCH": job.epoch},
                "resolvedDependencies": [
                    {"uri": f"git+{PROJECT}", "digest": {"gitCommit": job.commit}},
                    *locks,
                ],
            },
            "runDetails": {"builder": {"id": builder}},
        },
    }


def write(job: Job, pushed: Mapping[str, str]) -> None:
    """Write provenance and checksums beside what they speak of."""
    digests = "".join(f"{name}@{digest}\n" for name, digest in pushed.items())
    (job.out / "pushed.txt").write_text(digests, encoding="utf-8")
    statement = json.dumps(provenance(job, pushed), indent=1)
    (job.out / "provenance.intoto.json").write_text(statement + "\n", encoding="utf-8")
    files = [path for path in sorted(job.out.iterdir()) if not path.name.startswith(SUMS)]
    lines = "".join(f"{sha256(path)}  {path.name}\n" for path in files)
    (job.out / SUMS).write_text(lines, encoding="utf-8")


def sign(job: Job, pushed: Mapping[str, str]) -> None:
    """Sign the checksums, which name everything, and, where cosign is installed, what was pushed, in the registry.

    The checksums' signature is the one that `cosign verify-blob --key` and `openssl dgst -verify` take.
    """
    if job.key is None:
        print("not signed: no key was given")  # noqa: T201
        return
    sums, signature = job.out / SUMS, job.out / f"{SUMS}.sig"
    job.run(["openssl", "dgst", "-sha256", "-sign", job.key, "-out", signature, sums])
    job.run(["openssl", "pkey", "-in", job.key, "-pubout", "-out", job.out / "signer.pub"])
    cosign = shutil.which("cosign")
    if cosign is None:
        print("signed: the checksums; not in the registry, since cosign is not installed")  # noqa: T201
        return
    plain = ["--allow-http-registry", "--allow-insecure-registry"] if job.plain_http else []
    # What a key has signed is in no public log, in the form that every cosign reads; cosign 2 has no other.
    offline = ["--tlog-upload=false", "--yes"]
    if re.search(r'"gitVersion": *"v?[12]\.', job.run([cosign, "version", "--json"])) is None:
        offline += ["--use-signing-config=false", "--new-bundle-format=false"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("COSIGN_PASSWORD", "")
        rewritten, imported = Path(folder, "rewritten"), Path(folder, "key")
        # cosign takes PKCS #8 alone, not what begins with EC PARAMETERS.
        job.run(["openssl", "pkey", "-in", job.key, "-out", rewritten])
        job.run([cosign, "import-key-pair", "--key", rewritten, "--output-key-prefix", imported])
        for name, digest in pushed.items():
            words = ["--key", f"{imported}.key", *offline, *plain]
            job.run([cosign, "sign", *words, "--recursive", f"{name}@{digest}"])
