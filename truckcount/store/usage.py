"""What goes wrong when a column is used without thinking, column by column."""

HOURS = {
    "camera": "an id for ever: a camera that moves is a new one",
    "direction": "a gate has `in`, `out` and `unknown`, or `any`, never both: summing "
    "over it counts every truck once; trucks leaving lie between `out` and `out` + "
    "`unknown`",
    "hour_start_utc": "tz-aware: comparing it with a naive time raises; join on it, "
    "never on local time",
    "n_trucks": "**null is not 0**: null was not watched. Never put 0 for it; a plain "
    "sum over outages is too low; a 0 of 40 watched seconds is no quiet hour, weigh "
    "by coverage_s",
    "onsets": "diagnostic; counts cars, noise and n_censored, too",
    "n_censored": "a hint at how many trucks gaps hide; adding it to n_trucks counts "
    "one truck per gap too many",
    "coverage_s": "of the gate, not of the direction: its sum over them is thrice it",
    "unusable_s": "of the gate, as coverage_s",
    "max_gap_s": "of the gate; half an hour missing at once is worse than in crumbs",
    "busy_s": "of the gate; a parked truck is busy and comes not",
    "n_samples": "of the gate; depends on the sampling rate",
    "occupancy_mean": "of the gate; trucks present, not trucks passing",
    "n_trucks_est": "uncalibrated while calibration_id is null: it mends missing time, "
    "not missed trucks. Null in `in` and `out` rows of stills, whose `unknown` row "
    "carries no factor: nobody can audit a direction that was not seen",
    "n_trucks_se": "errors of hours with one calibration_id do not average away: add "
    "the shared part sqrt(se^2 - se_indep^2) linearly",
    "n_trucks_se_indep": "0 for a fully watched hour: no sampling error, yet perhaps "
    "missed trucks",
    "is_final": "known up to 72 h later: selecting on it in a backtest looks ahead",
    "is_backfill": "such rows did not exist at the time: a strict as-of read has none",
    "known_at_utc": "in `hours` of the latest revision: for what was known at a time "
    "read `history`",
    "revision": "a value above 1 is a restatement",
    "model_id": "a change breaks the series unless a bridge was measured",
    "config_hash": "as model_id: compare only equal ones",
    "calibration_id": "null is factor 1 and no shared error, not a perfect count; "
    "stills share the error of their dwell all the same",
    "local_start": "naive, repeats in autumn, skips in spring: never a key without "
    "utc_offset_min",
    "local_dow": "int8: arithmetic on it wraps at 127",
}
WARNINGS: dict[str, dict[str, str]] = {
    "hours": HOURS,
    "history": HOURS
    | {
        "known_at_utc": "an upper bound: a row may have been readable a minute or two "
        "before it",
        "revision": "the highest with known_at_utc <= T is what was known at T",
        "cause": "a row that a `restamp` follows was not readable at its known_at_utc: "
        "leave it out of as-of reads",
        "payload_sha": "equal in revisions that differ in is_final alone",
    },
    "passages": {
        "is_counted": "rows that are not counted are here, too: filter",
        "offset_utc": "with offset_censored the truck was still there: it left later",
        "dwell_s": "cut short where onset_censored or offset_censored",
        "direction_score": "near 0 is a guess",
        "known_at_utc": "of the latest count: passages keep no history",
    },
    "scores": {
        "score_u8": "of one model: compare only equal config_hash",
        "segment_id": "files that overlap both have their scores: take each moment "
        "from the segment whose winner_intervals hold it",
    },
    "segments": {
        "status": "only `done` rows are counted",
        "start_utc": "with time_quality `guess` it may be off by anything",
        "fps_nominal": "of the header: never a clock",
        "path": "of the machine that ran it",
    },
    "calibrations": {
        "calibration_id": "one row a revision: of equal ids the latest known_at_utc <= "
        "T is what was known at T; factor, factor_se and tau2 are the same in all",
        "phi": "as the 90 days before known_at_utc say; stills and clips do without",
    },
}
_BINS = {
    "is_final": "bins keep the latest row alone: no history, no as-of",
    "n_trucks_est": "of few minutes: its error is large",
}
WARNINGS |= dict.fromkeys(("bins_05", "bins_15", "bins_30"), HOURS | _BINS)
