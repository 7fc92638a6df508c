"""Resources that every domain may ask for."""

from millrace.resources.reject_files import RejectFiles
from millrace.resources.stage_files import StageParquetIOManager

__all__ = ["RejectFiles", "StageParquetIOManager"]
