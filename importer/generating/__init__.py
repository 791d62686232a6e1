"""Made-up data in well-known shapes, from a seed: as a file, or loaded into a bucket."""

from importer.generating.making import generate, load_generated
from importer.generating.output import Generated
from importer.generating.shapes import SHAPES, mapping_of

__all__ = ["SHAPES", "Generated", "generate", "load_generated", "mapping_of"]
