"""What steps print: in the bucket of the archive where one is configured, else in a folder.

`dagster.yaml` of the deployments names the class and nothing else:

    compute_logs: {module: recon_assets.resources.compute_logs, class: ReconComputeLogs, config: {}}

So containers that share no folder show one another's logs as soon as they share a bucket.
"""

import os
import tempfile
from collections.abc import Mapping
from typing import Any, Final

from dagster._core.storage.compute_log_manager import ComputeLogManager
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData

from recon_assets.settings import Settings

FOLDER_VARIABLE: Final = "RECON_DAGSTER_DIR"
PREFIX: Final = "dagster-logs"
"""Beside the archive's own keys in the bucket."""
UPLOAD_INTERVAL_S: Final = 30
"""How far a running step's log may be behind in the bucket."""


class ReconComputeLogs(LocalComputeLogManager):
    """Makes Dagster's own manager for S3 or for a folder: it is the name that `dagster.yaml` knows them by."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing to configure: the settings say it."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]  # Dagster asks for a manager, whichever
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> ComputeLogManager:
        """Nothing is contacted yet. Objects are encrypted as the archive's are."""
        assert not config_value, "the settings say where the logs go"
        folder = os.environ.get(FOLDER_VARIABLE) or tempfile.gettempdir()
        settings = Settings()
        if settings.s3_bucket is None:
            return LocalComputeLogManager(folder, inst_data=inst_data)
        from dagster_aws.s3 import S3ComputeLogManager

        return S3ComputeLogManager(
            settings.s3_bucket,
            local_dir=folder,
            inst_data=inst_data,
            prefix=PREFIX,
            endpoint_url=settings.s3_endpoint_url,
            region=settings.s3_region,
            upload_interval=UPLOAD_INTERVAL_S,
            upload_extra_args=_encryption(settings),
        )


def _encryption(settings: Settings) -> dict[str, str]:
    if settings.s3_encryption == "none":
        return {}
    key = {"SSEKMSKeyId": settings.s3_kms_key_id} if settings.s3_kms_key_id else {}
    return {"ServerSideEncryption": settings.s3_encryption} | key
