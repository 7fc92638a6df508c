"""Resources that every domain may ask for."""

from millrace.resources.part_files import PartFiles
from millrace.resources.reject_files import RejectFiles
from millrace.resources.stage_files import StageParquetIOManager

__all__ = ["PartFiles", "RejectFiles", "StageParquetIOManager"]
