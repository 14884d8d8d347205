"""supervision's usual loop: YOLO with its tracker, then a LineZone."""

import sys
import warnings

TRUCK = 7  # COCO
SIZE_PX = 640


def main(clip: str, weights: str = "") -> None:
    """Count trucks over a line down the middle, frame by frame."""
    import cv2
    import supervision as sv
    import torch
    import ultralytics

    if clip == "versions":
        print(
            f"supervision {sv.__version__}, ultralytics {ultralytics.__version__}, "
            f"torch {torch.__version__}"
        )
        return
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    info = sv.VideoInfo.from_video_path(clip)
    middle = info.width // 2
    line = sv.LineZone(start=sv.Point(middle, 0), end=sv.Point(middle, info.height))
    model = ultralytics.YOLO(weights)
    n_frames = 0
    for frame in sv.get_video_frames_generator(clip):
        (result,) = model.track(
            frame,
            persist=True,
            imgsz=SIZE_PX,
            classes=[TRUCK],
            device="cpu",
            verbose=False,
        )
        found = sv.Detections.from_ultralytics(result)
        if found.tracker_id is not None:
            line.trigger(found)
        n_frames += 1
    print(n_frames, line.in_count + line.out_count)


if __name__ == "__main__":
    main(*sys.argv[1:])
