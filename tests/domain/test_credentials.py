"""URLs in texts: what is secret never stays, what is not is left alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.domain.credentials import mask_credentials


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("rtsp://user:secret@cam:554/live", "rtsp://***@cam:554/live"),
        ("rtsp://u:se@cret@cam/live", "rtsp://***@cam/live"),
        ("rtsp://u:se/cret@cam/live", "rtsp://***@cam/live"),
        ("rtsp://u:se'cret@cam/live", "rtsp://***@cam/live"),
        ("http://cam/s?user=a&pwd=secret&ch=1", "http://cam/s?user=***&pwd=***&ch=1"),
        (
            "rtsp://cam/user=a_password=se_cret_channel=1_stream=0.sdp",
            "rtsp://cam/user=***_password=***_channel=1_stream=0.sdp",
        ),
        (
            "cannot read 'rtsp://u:secret@cam/x': timed out (also http://a:b@c)",
            "cannot read 'rtsp://***@cam/x': timed out (also http://***@c)",
        ),
        ("rtsp://[fe80::1]:554/live", "rtsp://[fe80::1]:554/live"),
        ("rtsp://[fe80::1]/live", "rtsp://[fe80::1]/live"),
        ("rtsp://cam:554/@home", "rtsp://cam:554/@home"),
        ("clip@home.mp4 at 10:30", "clip@home.mp4 at 10:30"),
    ],
)
def test_secrets_become_stars(text, masked):
    assert mask_credentials(text) == masked
    assert mask_credentials(masked) == masked


@settings(max_examples=60)
@given(st.text("abcXYZ0189:@/?&=#%._-", min_size=4, max_size=20))
def test_no_password_survives_between_the_name_and_the_host(password):
    secret = f"Q{password}Q"
    if "?" in secret or "#" in secret:  # these end the place of a host for anyone
        return
    masked = mask_credentials(f"rtsp://admin:{secret}@camera/live")
    assert secret not in masked
    assert masked.endswith("camera/live")
