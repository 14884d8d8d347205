"""PySceneDetect's content detector with its defaults."""

import sys


def main(clip: str) -> None:
    """Find scenes."""
    import cv2
    import scenedetect

    if clip == "versions":
        print(f"scenedetect {scenedetect.__version__}, OpenCV {cv2.__version__}")
        return
    cv2.setNumThreads(1)
    print(len(scenedetect.detect(clip, scenedetect.ContentDetector())))


if __name__ == "__main__":
    main(sys.argv[1])
