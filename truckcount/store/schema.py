"""The one place where every column of every table is declared.

From here come the arrow schemas, the checks of every write, and
``docs/data_dictionary.md``.
"""

import json
from dataclasses import dataclass

import pyarrow as pa

from truckcount.errors import SchemaError

SCHEMA_VERSION = 1
WRITER_VERSION = "0.1.0"

TIME = pa.timestamp("us", tz="UTC")
LOCAL_TIME = pa.timestamp("us")
INTERVALS = pa.list_(pa.struct([("start", TIME), ("end", TIME)]))
PEAKS = pa.list_(
    pa.struct(
        [
            ("x", pa.uint16()),
            ("y", pa.uint16()),
            ("w", pa.uint16()),
            ("h", pa.uint16()),
            ("p_u8", pa.uint8()),
        ]
    )
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, arrow type, whether it may be null, meaning with unit."""

    name: str
    type: pa.DataType
    is_nullable: bool
    meaning: str


def _c(name: str, kind: pa.DataType, meaning: str, *, null: bool = False) -> Column:
    return Column(name, kind, null, meaning)


S, F, I32, I16, B = pa.string(), pa.float64(), pa.int32(), pa.int16(), pa.bool_()

HOURS = (
    _c("camera", S, "camera id"),
    _c("gate", S, "gate id"),
    _c("direction", S, "`in`, `out`, `unknown` of a directional gate, else `any`"),
    _c("hour_start_utc", TIME, "inclusive start of the hour"),
    _c("bin_minutes", I16, "always 60 in `hours`"),
    _c("source_kind", S, "`video`, `duty` (clips on a cycle) or `stills`"),
    _c(
        "n_trucks",
        I32,
        "trucks whose onset was observed; null iff coverage_s is 0",
        null=True,
    ),
    _c(
        "onsets",
        I32,
        "rows of `passages`, whatever the counting rules made of them; diagnostic",
        null=True,
    ),
    _c(
        "n_censored",
        I32,
        "trucks already present at the first sample after a gap; not in n_trucks",
        null=True,
    ),
    _c(
        "coverage_s",
        F,
        "seconds of usable observation, 0-3600; repeats on direction rows: "
        "never sum over direction",
    ),
    _c("unusable_s", F, "seconds decoded but unusable (frozen, dark, covered, moved)"),
    _c("max_gap_s", F, "longest stretch without usable coverage, seconds"),
    _c("busy_s", F, "covered seconds with a truck present", null=True),
    _c("n_samples", I32, "usable samples"),
    _c("occupancy_mean", F, "mean number of trucks present", null=True),
    _c(
        "n_trucks_est",
        F,
        "estimate for the whole hour; null under a quarter of coverage",
        null=True,
    ),
    _c("n_trucks_se", F, "standard error of n_trucks_est", null=True),
    _c(
        "n_trucks_se_indep",
        F,
        "part of n_trucks_se that is independent across hours",
        null=True,
    ),
    _c("is_final", B, "fully watched by a clock known to 300 s, or 72 h old"),
    _c("is_backfill", B, "known later than 72 h after the hour's end"),
    _c(
        "known_at_utc",
        TIME,
        "first instant at which this revision was certainly readable",
    ),
    _c("revision", I32, "1, 2, 3 ... per key, gapless"),
    _c("model_id", S, "`<name>@sha256:<12 hex of weights>`"),
    _c("config_hash", S, "12 hex of what this gate's counts depend on"),
    _c("calibration_id", S, "null: uncalibrated", null=True),
    _c(
        "clock_offset_s",
        F,
        "seconds, applied correction, true minus recorder: mean over the files watched",
    ),
    _c(
        "clock_sd_s",
        F,
        "seconds, standard deviation of the clock: mean over the files watched, by "
        "their seconds here (0: none); above 300 the hour is not final before 72 h",
    ),
    _c(
        "local_start",
        LOCAL_TIME,
        "wall clock at the site, naive; repeats in autumn: never join on it",
    ),
    _c("utc_offset_min", I16, "tells the two autumn hours apart"),
    _c("local_dow", pa.int8(), "0 is Monday"),
    _c("tz", S, "IANA zone"),
)

HISTORY = (
    *HOURS,
    _c(
        "cause",
        S,
        "`first`, `late_segment`, `finalise`, `config`, `model`, `recalibrate`, "
        "`repair`, `restamp`, `deleted`",
    ),
    _c("payload_sha", S, "12 hex over all columns that are not bookkeeping"),
)

PASSAGES = (
    _c("passage_id", S, "16 hex of sha256(camera|gate|onset to 100 ms|config_hash)"),
    _c("camera", S, "camera id"),
    _c("gate", S, "gate id"),
    _c("direction", S, "`in`, `out`, `unknown` or `any`"),
    _c("onset_utc", TIME, "first sample inside the gate"),
    _c("offset_utc", TIME, "end of the stay, or of what was watched of it", null=True),
    _c("dwell_s", F, "offset less onset, seconds", null=True),
    _c("hour_start_utc", TIME, "hour of the onset: the one that counts it"),
    _c("is_counted", B, "whether n_trucks has it"),
    _c(
        "drop_reason",
        S,
        "why not: `dedupe`, `short`, `still`, `not_truck`, `censored`, `overlap`",
        null=True,
    ),
    _c("onset_censored", B, "already there at the first sample after a gap"),
    _c("offset_censored", B, "coverage ended before it left"),
    _c("score_peak", pa.float32(), "highest presence score, 0-1"),
    _c("score_mean", pa.float32(), "mean presence score, 0-1"),
    _c("direction_score", pa.float32(), "|cosine| of path and `in` vector"),
    _c("direction_method", S, "`track`, `flow`, `order` or `none`"),
    _c("n_samples", I32, "samples inside the gate"),
    _c("segment_id_onset", S, "segment that holds the onset"),
    _c("segment_id_offset", S, "segment that holds the offset"),
    _c("crop_path", S, "picture of the truck, where kept", null=True),
    _c("model_id", S, "weights that scored it"),
    _c("config_hash", S, "configuration that counted it"),
    _c("known_at_utc", TIME, "when this row became readable"),
)

SCORES = (
    _c("camera", S, "camera id"),
    _c("gate", S, "gate id"),
    _c("t_utc", TIME, "time of the sample"),
    _c("segment_id", S, "segment it was decoded from"),
    _c("pts_s", F, "seconds from the segment's first frame"),
    _c("dt_s", pa.float32(), "seconds this sample stands for, at most 2"),
    _c("score_u8", pa.uint8(), "round(255 x presence score)"),
    _c("n_present", I16, "peaks at or above one half", null=True),
    _c("peaks", PEAKS, "centres and sizes (fraction x 65535) and probability x 255"),
    _c("state", pa.int8(), "0 empty, 1 truck, -1 unusable"),
    _c("quality_flags", I32, "1 dark, 2 frozen, 4 occluded, 8 moved, 16 corrupt"),
    _c("config_hash", S, "hash of what the scores depend on"),
)

SEGMENTS = (
    _c("segment_id", S, "16 hex of the sha256 of the file's bytes"),
    _c("path", S, "path as offered, credentials masked"),
    _c("name", S, "file name"),
    _c("source_kind", S, "`video`, `duty` or `stills`"),
    _c("size_bytes", pa.int64(), "bytes"),
    _c("mtime_utc", TIME, "file time", null=True),
    _c("start_utc", TIME, "first frame", null=True),
    _c("end_utc", TIME, "end of the last frame", null=True),
    _c(
        "start_source",
        S,
        "`option`, `sidecar`, `filename`, `container`, `mtime`, `rtcp`, `arrival`",
        null=True,
    ),
    _c("time_quality", S, "`exact`, `zone`, `ambiguous` or `guess`", null=True),
    _c("clock_offset_s", F, "seconds, applied correction, true minus recorder"),
    _c(
        "clock_sd_s",
        F,
        "seconds, standard deviation of `start_utc` by its source: `rtcp` 0.1; "
        "`option`, `sidecar` 1; `filename` half of what the name tells, 1 at least; "
        "`arrival` 2; `container` 5; `mtime` 600, more where its length is not known",
    ),
    _c("duration_s", F, "PTS span", null=True),
    _c("decoded_s", F, "seconds decoded", null=True),
    _c("usable_s", F, "seconds usable", null=True),
    _c("n_frames_decoded", I32, "frames decoded", null=True),
    _c("n_samples", I32, "samples scored", null=True),
    _c("fps_nominal", pa.float32(), "frame rate of the header", null=True),
    _c("is_vfr", B, "frame times are uneven"),
    _c("width", I32, "displayed width, pixels", null=True),
    _c("height", I32, "displayed height, pixels", null=True),
    _c("codec", S, "codec", null=True),
    _c("decode_errors", I32, "damaged packets", null=True),
    _c(
        "status",
        S,
        "`done`, `duplicate`, `conflict`, `ambiguous_time`, `no_time`, `missing`, "
        "`corrupt`, `empty`, `growing`, `failed`; `deleted` and `sealed` are not "
        "counted any more, `late` only by `truckcount backfill`",
    ),
    _c("error", S, "what went wrong", null=True),
    _c("winner_intervals", INTERVALS, "times this segment counts for after overlaps"),
    _c("config_hash", S, "hash of what its scores depend on", null=True),
    _c("model_id", S, "weights that scored it", null=True),
    _c("run_id", S, "run that wrote this row"),
    _c("known_at_utc", TIME, "when this row became readable"),
)

AUDITS = (
    _c("audit_id", S, "12 hex of frame, seed and sizes: one draw"),
    _c("camera", S, "camera id"),
    _c("gate", S, "gate id"),
    _c("direction", S, "direction that was audited"),
    _c("purpose", S, "`calibrate`, or `drift` for the few fresh windows of a week"),
    _c("stratum", S, "`0`, `1-3`, `4+` by x_machine; `day:`/`night:` before it"),
    _c("window_start_utc", TIME, "inclusive start"),
    _c("window_end_utc", TIME, "end, not part of it"),
    _c("pi", F, "inclusion probability in (0, 1], fixed at draw time"),
    _c("n_frame", I32, "windows in the frame: the strata add up to it"),
    _c("n_stratum", I32, "windows of the stratum in the frame"),
    _c("n_drawn", I32, "windows drawn from it"),
    _c("x_stratum", I32, "machine count over the whole stratum at draw time"),
    _c("seed", pa.int64(), "seed of the draw"),
    _c("frame_sha", S, "12 hex over all windows that could be drawn"),
    _c("x_machine", I32, "machine count at draw time; labellers never see it"),
    _c("y_human", I32, "a person's count; null: not labelled yet", null=True),
    _c("fp", I32, "machine's passages that are no truck, where noted", null=True),
    _c("fn", I32, "trucks the machine missed, where noted", null=True),
    _c("labeller", S, "who counted", null=True),
    _c("label_round", I16, "0 unlabelled, 1 first, 2 second person, 3 settled"),
    _c("model_id", S, "weights that were audited"),
    _c("config_hash", S, "configuration that was audited"),
    _c("drawn_at_utc", TIME, "when the sample was drawn"),
    _c("known_at_utc", TIME, "when this row became readable"),
)

CALIBRATIONS = (
    _c("calibration_id", S, "what `hours.calibration_id` names"),
    _c("camera", S, "camera id"),
    _c("gate", S, "gate id"),
    _c("direction", S, "direction it applies to"),
    _c("regime", S, "`all`, or `day` (07-19 h local) and `night`"),
    _c("method", S, "`ratio`: the only one that is carried into hours"),
    _c("factor", F, "trucks a person counts for one of the machine's"),
    _c("factor_se", F, "its standard error: shared by all hours that use it"),
    _c("factor_cv", F, "factor_se / factor; above 0.15 it is refused"),
    _c("tau2", F, "residual variance for each truck the machine counted"),
    _c("phi", F, "over-dispersion of exposure error; 1 is Poisson"),
    _c("dwell_mean_s", F, "null: stills take theirs from cameras.toml", null=True),
    _c("dwell_cv", F, "as dwell_mean_s", null=True),
    _c("n_windows", I32, "labelled windows"),
    _c("audit_ids", pa.list_(S), "audits it comes from"),
    _c("model_id", S, "weights it holds for"),
    _c("config_hash", S, "configuration it holds for, and no other"),
    _c("valid_from_utc", TIME, "first hour it applies to"),
    _c("valid_to_utc", TIME, "end of its time; null: still holds", null=True),
    _c("known_at_utc", TIME, "when this row became readable"),
    _c("status", S, "`active`, `drifted` or `withdrawn`"),
)

_OF_BINS = {
    "hour_start_utc": _c("bin_start_utc", TIME, "inclusive start of the bin"),
    "bin_minutes": _c("bin_minutes", I16, "minutes of the bin: 5, 15 or 30"),
    "coverage_s": _c(
        "coverage_s",
        F,
        "seconds of usable observation, at most the bin's; repeats on direction rows: "
        "never sum over direction",
    ),
    "n_trucks_est": _c(
        "n_trucks_est",
        F,
        "estimate for the whole bin; null under a quarter of coverage",
        null=True,
    ),
}
BINS = tuple(_OF_BINS.get(c.name, c) for c in HOURS)
BINS_HISTORY_COLUMNS = ("cause", "payload_sha")

COLUMNS: dict[str, tuple[Column, ...]] = {
    "hours": HOURS,
    "history": HISTORY,
    "passages": PASSAGES,
    "scores": SCORES,
    "segments": SEGMENTS,
    "audits": AUDITS,
    "calibrations": CALIBRATIONS,
    "bins_05": BINS,
    "bins_15": BINS,
    "bins_30": BINS,
}

_PANDAS_NULLABLE = {pa.int32(): "Int32", pa.int16(): "Int16"}


def schema_of(table: str) -> pa.Schema:
    """Return a table's arrow schema with pandas and version metadata."""
    if table not in COLUMNS:
        msg = f"no table {table!r}; tables are {', '.join(COLUMNS)}"
        raise SchemaError(msg)
    columns = COLUMNS[table]
    fields = [pa.field(c.name, c.type, c.is_nullable) for c in columns]
    metadata = {
        "tc.schema_version": str(SCHEMA_VERSION),
        "tc.writer_version": WRITER_VERSION,
        "tc.table": table,
        "pandas": json.dumps(_pandas_metadata(columns)),
    }
    return pa.schema(fields, metadata)


def check_table(table: pa.Table, name: str, where: str) -> None:
    """Raise ``SchemaError`` unless names, types and nulls are as declared."""
    want = schema_of(name)
    got = [(f.name, f.type) for f in table.schema]
    expected = [(f.name, f.type) for f in want]
    if got != expected:
        odd = sorted(set(map(str, got)) ^ set(map(str, expected)))
        msg = f"{where}: columns are not those of `{name}`: {', '.join(odd[:6])}"
        raise SchemaError(msg)
    for field in want:
        if not field.nullable and table.column(field.name).null_count:
            msg = f"{where}: column {field.name!r} of `{name}` holds nulls"
            raise SchemaError(msg)


def _pandas_metadata(columns: tuple[Column, ...]) -> dict[str, object]:
    """Tell pandas which dtypes to give back: nullable integers stay integers."""
    return {
        "index_columns": [],
        "column_indexes": [],
        "columns": [
            {
                "name": c.name,
                "field_name": c.name,
                "pandas_type": "object",
                "numpy_type": _PANDAS_NULLABLE[c.type],
                "metadata": None,
            }
            for c in columns
            if c.is_nullable and c.type in _PANDAS_NULLABLE
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.2.0",
    }
