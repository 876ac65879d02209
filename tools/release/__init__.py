"""A release of one commit: packages, image, charts, their bill of materials, provenance, checksums and signatures."""
