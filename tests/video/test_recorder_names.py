"""One real example a recorder convention (docs of makers and users' reports)."""

# ruff: noqa: E501 - one row a convention

import pytest

from truckcount.errors import ConfigError
from truckcount.video import split_camera_name
from truckcount.video.recorder_names import read_name_time

# path, ISO time (naive = camera's zone), convention, default camera name
NAMES = [
    ("dc-north_20260302T080000-0600.mp4", "2026-03-02T08:00:00-06:00", "truckcount", "dc-north"),
    ("2019-05-09/001/dav/21/21.04.49-21.05.14[M][0@0][0].mp4", "2019-05-09T21:04:49", "dahua", "camera"),
    ("dock/2019-05-09/001/dav/11/11.30.00-12.00.00[R][0@0][0].dav", "2019-05-09T11:30:00", "dahua", "dock"),
    ("2019-05-09/001/jpg/06/07/27[M][0@0][0].jpg", "2019-05-09T06:07:27", "dahua-jpg", "camera"),
    ("Mp4Record/2020-12-22/RecM01_20201222_075939_080140_6D28808_1A468F9.mp4", "2020-12-22T07:59:39", "reolink", "recm01"),
    ("RecS09_DST20240827_090302_090334_0_800_800_033C820000_61B6F0.mp4", "2024-08-27T09:03:02", "reolink", "recs09"),
    ("RecS02_DST20230426_145918_150032_0.mp4", "2023-04-26T14:59:18", "reolink", "recs02"),
    ("RLC_20260502_050106.mp4", "2026-05-02T05:01:06", "compact", "rlc"),
    ("cam_20240315083000_20240315083127.mp4", "2024-03-15T08:30:00", "compact", "cam"),
    ("192.168.0.65_01_20210224210928654_MOTION_DETECTION.jpg", "2021-02-24T21:09:28.654000", "hikvision", None),
    ("192.168.0.67_20210207230537_20210224_220227_0.mp4", "2021-02-24T22:02:27", "hikvision-clip", None),
    ("20250114_093000_1A2B_ACCC8E123456/x.mkv", "2025-01-14T09:30:00", "axis", None),
    ("20210712_141048_857A_ACCC8EAF31F3_0.jpg", "2021-07-12T14:10:48", "axis", "camera"),
    ("20150910 070618-070619-M00_507.mov", "2015-09-10T07:06:18+00:00", "canon", "camera"),
    ("Dock1.20260316_140000.mp4", "2026-03-16T14:00:00", "blue-iris", "dock1"),
    ("recordings/2024-01-02/13/front/05.09.mp4", "2024-01-02T13:05:09+00:00", "frigate", "front"),
    ("front-1606742747.272411-0lbwng.mp4", "2020-11-30T13:25:47+00:00", "frigate-clip", "front"),
    ("01-20220923153925.mkv", "2022-09-23T15:39:25", "compact", None),
    ("gate/2020-07-01/13-05-22.mp4", "2020-07-01T13:05:22", "dated-folder", "gate"),
    ("events/1/16/09/12/19/37/42/x.mp4", "2016-09-12T19:37:42", "zoneminder-deep", None),
    ("pi_FR20_2022-06-09_10-30-00.h264", "2022-06-09T10:30:00", "otcamera", "pi"),
    ("FCECDA1F0A63_0_rotating_1597425468956.ubv", "2020-08-14T17:17:48.956000+00:00", "unifi-ubv", None),
    ("Front Door - 2-9-2020, 11.21.12pm.mp4", "2020-02-09T23:21:12", "unifi-ui", "front-door"),
    ("Gate - 2-9-2020, 12.01.02am.mp4", "2020-02-09T00:01:02", "unifi-ui", "gate"),
    ("X_0_rotating_2022-04-02T12.34.58-07.00.mp4", "2022-04-02T12:34:58-07:00", None, None),
    ("surveillance/cam/20260316AM/cam-20260316-093000-1.mp4", "2026-03-16T09:30:00", "synology", "cam"),
    ("dock/record/20210601/13/05.mp4", "2021-06-01T13:05:00", "wyze", "dock"),
    ("dock/2021Y06M24D15H/11M10S50.mp4", "2021-06-24T15:11:10", "yi", None),
    ("dock/1706108297-1706108310.mp4", "2024-01-24T14:58:17+00:00", "tapo", "dock"),
    ("2021-02-03/IP_camera_S 10-11-12 E 10-21-12.mp4", "2021-02-03T10:11:12", "uniview", None),
    ("20140509-000500-001000_192.168.1.11-CH2.mp4", "2014-05-09T00:05:00", "brickcom", "camera"),
    ("recordings/yard/2024-05-06/10-11-12-123456.mp4", "2024-05-06T10:11:12.123456", "dated-folder", "yard"),
    ("yard/2023/11/27/000001/09-00-02.mp4", "2023-11-27T09:00:02", "dated-folder", "yard"),
    ("yard/2021-01-07/01-41-28.mp4", "2021-01-07T01:41:28", "dated-folder", "yard"),
    ("2026-05-10_07-50-00-front.mp4", "2026-05-10T07:50:00", "dashcam", "camera"),
    ("625_201707211410.mp4", "2017-07-21T14:10:00", "minute", "625"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "iso", "recorder", "camera"), NAMES)
def test_recorder_names_tell_their_start(path, iso, recorder, camera):
    found = read_name_time(path)
    assert found is not None
    assert found.moment.isoformat() == iso
    if recorder is not None:
        assert found.recorder == recorder
    if camera is not None:
        assert split_camera_name(path) == camera


@pytest.mark.parametrize(
    "path",
    [
        "GX010123.MP4",
        "datadir0/hiv00001.mp4",
        "clip.mp4",
        "events/1/2020-11-28/2735/2735-video.mp4",
        "order_20261399.mp4",
        "serial_99999999T999999.mp4",
    ],
)
def test_names_without_a_time_of_day_tell_nothing(path):
    assert read_name_time(path) is None


def test_dst_mark_of_reolink_is_kept():
    assert read_name_time("RecS02_DST20230426_145918_150032_0.mp4").is_summer_time
    assert read_name_time("RecS02_20230426_145918_150032_0.mp4").is_summer_time is None


CLOCK = r"(?P<hour>\d\d)(?P<minute>\d\d)"


@pytest.mark.parametrize(
    ("regex", "path", "iso"),
    [
        (rf"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{{4}})_{CLOCK}",
         "kai_02.03.2026_0815.avi", "2026-03-02T08:15:00"),
        (rf"_(?P<year2>\d\d)(?P<month>\d\d)(?P<day>\d\d){CLOCK}(?P<second>\d\d)",
         "kai_260302081530.avi", "2026-03-02T08:15:30"),
        (r"(?P<month>\d+)-(?P<day>\d+)-(?P<year>\d{4}) (?P<hour12>\d+)(?P<ampm>AM|PM)",
         "kai 3-2-2026 8PM.avi", "2026-03-02T20:00:00"),
        (rf"(?P<year>\d{{4}})(?P<month>\d\d)(?P<day>\d\d)_{CLOCK}z(?P<offset>[+-]\d{{4}})",
         "kai_20260302_0815z+0530.avi", "2026-03-02T08:15:00+05:30"),
        (r"_(?P<epoch_ms>\d{13})", "kai_1700000000250.avi",
         "2023-11-14T22:13:20.250000+00:00"),
    ],
    ids=["day first", "two-digit year", "am and pm", "with an offset", "epoch"],
)  # fmt: skip
def test_a_cameras_own_pattern_tells_its_time(regex, path, iso):
    found = read_name_time(path, [regex])
    assert (found.moment.isoformat(), found.recorder) == (iso, "own")


@pytest.mark.parametrize(
    ("regex", "message"),
    [
        (r"(?P<year>\d{4}", "not a regular expression"),
        (r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", "tells no hour"),
        (rf"cam_{CLOCK}", "tells no day, month, year"),
    ],
    ids=["broken", "no hour", "no date"],
)
def test_a_pattern_that_can_tell_no_time_is_refused(regex, message):
    with pytest.raises(ConfigError, match=message):
        read_name_time("cam_20260302_0815.mp4", [regex])


def test_the_first_of_two_stamps_wins():
    found = read_name_time("cam_20240315235900_20240316000100.mp4")
    assert found.moment.isoformat() == "2024-03-15T23:59:00"


def test_a_cameras_own_pattern_goes_first():
    own = [r"t(?P<epoch_s>\d{10})_"]
    found = read_name_time("cam_t1700000000_20260302T080000Z.mp4", own)
    assert found.moment.isoformat() == "2023-11-14T22:13:20+00:00"
