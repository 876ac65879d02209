"""A release of one commit: packages, image, charts, their SBOM, provenance, checksums and signatures."""
