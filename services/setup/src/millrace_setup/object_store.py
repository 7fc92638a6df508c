"""The object store as the platform expects it: one bucket, one user per domain, what each may do.

What belongs here: bucket, policies, users. What does not: what is stored.

Users and their policies are no part of S3: they are made through MinIO's admin API. With another object store, make
them by its own means and leave this out.
"""

import json
from typing import Any

import urllib3
from minio import Minio, MinioAdmin
from minio.commonconfig import ENABLED
from minio.credentials import StaticProvider
from minio.error import MinioAdminException, S3Error
from minio.versioningconfig import SUSPENDED, VersioningConfig
from urllib3.exceptions import HTTPError

from millrace_setup.errors import PartedVolumesError, SetupError
from millrace_setup.patience import when_it_answers
from millrace_setup.settings import EXPORTER, Key, Settings

BUCKET = "millrace"
PUBLISHED = "outputs"
_ROOMS = ("stages", "rejects", "tables", PUBLISHED)
_REFUSED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
_POLICY_VERSION = "2012-10-17"  # of the policy language: the newest there is


class _StartingError(Exception):
    """The server is not ready yet."""


def set_up_object_store(settings: Settings) -> None:
    """Bring the store to what the settings say.

    Raises:
        PartedVolumesError: It refuses the root key.
        SetupError: It does not answer, or refuses a call.
    """
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=30), retries=False)
    client = Minio(
        endpoint=settings.object_store,
        access_key=settings.root.access,
        secret_key=settings.root.secret,
        secure=settings.object_store_tls,
        http_client=pool,
    )
    admin = MinioAdmin(
        endpoint=settings.object_store,
        credentials=StaticProvider(settings.root.access, settings.root.secret),
        secure=settings.object_store_tls,
        http_client=pool,
    )
    try:
        when_it_answers("object-store", lambda: _sign_in(client), (_StartingError,), settings.deadline_seconds)
        _bucket(client)
        for name, key in settings.keys.items():
            _user(admin, name, key, exporter_policy() if name == EXPORTER else domain_policy(name))
    except (S3Error, MinioAdminException, HTTPError) as error:
        raise SetupError(f"object-store: {' '.join(str(error).split())}") from error


def _sign_in(client: Minio) -> None:
    try:
        client.list_buckets()
    except HTTPError as error:
        raise _StartingError(str(error)) from error
    except S3Error as error:
        if error.code in _REFUSED:
            raise PartedVolumesError("object-store", "the root key in the master volume") from error
        raise _StartingError(f"{error.code}: {error.message}") from error


def _bucket(client: Minio) -> None:
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    if client.get_bucket_versioning(bucket_name=BUCKET).status == ENABLED:
        # Stage files are replaced at every run; each old version would stay for ever.
        client.set_bucket_versioning(bucket_name=BUCKET, config=VersioningConfig(SUSPENDED))
    client.set_bucket_policy(bucket_name=BUCKET, policy=json.dumps(public_policy()))


def _user(admin: MinioAdmin, whose: str, key: Key, policy: dict[str, Any]) -> None:
    name = f"millrace-{whose}"
    admin.policy_add(name, policy=policy)
    admin.user_add(key.access, key.secret)
    admin.policy_set(name, user=key.access)


def public_policy() -> dict[str, Any]:
    """Published files can be read by whoever reaches the store; they cannot be listed."""
    return {
        "Version": _POLICY_VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": ["*"]},
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{BUCKET}/{PUBLISHED}/*"],
            }
        ],
    }


def domain_policy(domain: str) -> dict[str, Any]:
    """A domain reads, writes, deletes and lists below its own folders, and nothing else."""
    folders = [f"{room}/{domain}/*" for room in _ROOMS]
    return {
        "Version": _POLICY_VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "s3:GetObject",
                    "s3:PutObject",
                    "s3:DeleteObject",
                    "s3:AbortMultipartUpload",
                    "s3:ListMultipartUploadParts",
                ],
                "Resource": [f"arn:aws:s3:::{BUCKET}/{folder}" for folder in folders],
            },
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{BUCKET}"],
                "Condition": {"StringLike": {"s3:prefix": folders}},
            },
            {"Effect": "Allow", "Action": ["s3:GetBucketLocation"], "Resource": [f"arn:aws:s3:::{BUCKET}"]},
        ],
    }


def exporter_policy() -> dict[str, Any]:
    """The exporter writes its probe, and reads the metadata of Iceberg tables; it lists nothing and reads no data."""
    return {
        "Version": _POLICY_VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                "Resource": [f"arn:aws:s3:::{BUCKET}/probe/*"],
            },
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [f"arn:aws:s3:::{BUCKET}/*/metadata/*"],
            },
            {"Effect": "Allow", "Action": ["s3:GetBucketLocation"], "Resource": [f"arn:aws:s3:::{BUCKET}"]},
        ],
    }
