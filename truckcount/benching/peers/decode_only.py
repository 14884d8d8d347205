"""Decode every frame by PyAV on one thread: the floor where there is no ffmpeg."""

import sys


def main(clip: str) -> None:
    """Decode and look at nothing."""
    import av

    if clip == "versions":
        print(f"PyAV {av.__version__}")
        return
    with av.open(clip) as container:
        container.streams.video[0].thread_count = 1
        print(sum(1 for _ in container.decode(video=0)))


if __name__ == "__main__":
    main(sys.argv[1])
