"""Batch-results files as Mechanical Turk writes them, and as people mangle them."""

import csv
import io

COLUMNS = (
    "HITId", "HITTypeId", "Title", "Description", "Keywords", "Reward", "CreationTime",
    "MaxAssignments", "RequesterAnnotation", "AssignmentDurationInSeconds",
    "AutoApprovalDelayInSeconds", "Expiration", "NumberOfSimilarHITs",
    "LifetimeInSeconds", "AssignmentId", "WorkerId", "AssignmentStatus", "AcceptTime",
    "SubmitTime", "AutoApprovalTime", "ApprovalTime", "RejectionTime",
    "RequesterFeedback", "WorkTimeInSeconds", "LifetimeApprovalRate",
    "Last30DaysApprovalRate", "Last7DaysApprovalRate", "Input.image_url",
    "Answer.category.label", "Approve", "Reject",
)  # fmt: skip
PREFIX = "https://bucket.example/set/"


def row(k, worker, label, **more):
    """One assignment: worker's answer to the k-th picture."""
    return {
        "HITId": f"H{k}",
        "HITTypeId": "T1",
        "Title": "Trucks?",
        "Reward": "$0.05",
        "CreationTime": "Thu Oct 09 07:00:00 UTC 2025",
        "RequesterAnnotation": "BatchId:42;OriginalHitTemplateId:1;",
        "AssignmentId": f"A{k}-{worker}",
        "WorkerId": worker,
        "AssignmentStatus": "Approved",
        "AcceptTime": "Thu Oct 09 07:30:20 UTC 2025",
        "SubmitTime": "Thu Oct 09 07:30:27 UTC 2025",
        "WorkTimeInSeconds": "7",
        "Input.image_url": f"{PREFIX}frames/{k:03d}.jpg",
        "Answer.category.label": label,
    } | more


def write_batch(path, rows, columns=COLUMNS, *, encoding="utf-8", end="\r\n"):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(
        text, columns, quoting=csv.QUOTE_ALL, lineterminator=end, restval="",
        extrasaction="ignore",
    )  # fmt: skip
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path
