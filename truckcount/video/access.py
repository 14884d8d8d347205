"""A source to what FFmpeg may do for it: protocols, containers, size of pictures.

A file called ``gate.mp4`` may hold anything. A playlist or a concat list would
make FFmpeg read other files, or the network; a few bytes may ask for a picture
that fills the memory. So a file reaches itself alone and a URL its own protocol,
and both give pictures up to a limit.
"""

from truckcount.errors import DecodeError
from truckcount.video.sources import Source

MAX_PIXELS = 8192 * 8192  # of one picture: 100 MB in YUV, beyond any camera
PADDING_PIXELS = 1 << 20  # decoders align rows to 64 before they compare
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,"
    "dhav,h264,hevc,vvc,av1,obu,ivf,mjpeg,mpjpeg,m4v,h263,vc1,mxf,nut,ogg,wtv,rm,gxf,"
    "dv,yuv4mpegpipe,wav,mp3,aac,flac"  # sound: to say that there is no picture
)
PROTOCOLS = {
    "rtsp": "rtsp,rtp,srtp,udp,tcp",
    "rtsps": "rtsps,rtsp,rtp,srtp,udp,tcp,tls",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,rtmp,tcp,tls",
    "http": "http,https,tcp,tls,crypto",
    "https": "https,http,tcp,tls,crypto",
    "udp": "udp",
    "tcp": "tcp",
    "srt": "srt,udp",
}
STREAM_CONTAINERS = CONTAINERS + ",rtsp,rtp,hls"


def ffmpeg_name(source: Source) -> str:
    """Return what to open; a colon in a file's name begins no protocol."""
    return source.path if source.kind == "url" else f"file:{source.path}"


def ffmpeg_options(source: Source, max_pixels: int = MAX_PIXELS) -> dict[str, str]:
    """Return the options that hold FFmpeg to a source.

    References
    ----------
    ffmpeg-formats(1) and ffmpeg-codecs(1): ``protocol_whitelist``,
    ``format_whitelist``, ``max_pixels``.
    """
    options = decoder_options(max_pixels)
    if source.kind != "url":
        allowed = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
        return options | allowed
    scheme = source.path.partition("://")[0].lower()
    if scheme.startswith("rtsp"):
        # a second of looking is enough: a camera says in its SDP what it sends
        options |= {"rtsp_transport": "tcp", "analyzeduration": "1000000"}
    return options | {
        "protocol_whitelist": PROTOCOLS.get(scheme, scheme),
        "format_whitelist": STREAM_CONTAINERS,
    }


def decoder_options(max_pixels: int) -> dict[str, str]:
    """Return the options of a decoder, whose pictures may grow inside a stream."""
    return {"max_pixels": str(max_pixels + PADDING_PIXELS)}


def check_pixels(source: Source, width: int, height: int, max_pixels: int) -> None:
    """Raise ``DecodeError`` for a picture that is none, or larger than allowed."""
    if width <= 0 or height <= 0 or width * height > max_pixels:
        msg = (
            f"{source.name}: picture size {width}x{height} cannot be used: up to "
            f"{max_pixels} pixels are read; --max-pixels raises that"
        )
        raise DecodeError(msg)
