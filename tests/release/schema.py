"""CycloneDX's schema, which its Python library holds."""

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def violations(sbom: str) -> list[str]:
    """What an SBOM of CycloneDX 1.6 has that the schema does not allow."""
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sbom, all_errors=True)
    return [repr(error) for error in errors or ()]
