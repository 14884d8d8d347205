"""Ultralytics YOLO with its tracker, and a count of centres that cross mid-picture."""

import sys

TRUCK = 7  # COCO
SIZE_PX = 640


def main(clip: str, weights: str = "", samples_per_s: str = "") -> None:
    """Track trucks on every frame, or on so many a second."""
    import cv2
    import torch
    import ultralytics

    if clip == "versions":
        print(f"ultralytics {ultralytics.__version__}, torch {torch.__version__}")
        return
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    stride = 1
    if samples_per_s:
        rate = cv2.VideoCapture(clip).get(cv2.CAP_PROP_FPS)
        stride = max(1, round(rate / float(samples_per_s)))
    frames = ultralytics.YOLO(weights).track(
        clip,
        stream=True,
        imgsz=SIZE_PX,
        classes=[TRUCK],
        vid_stride=stride,
        device="cpu",
        verbose=False,
    )
    side: dict[int, bool] = {}
    n_crossed = n_frames = 0
    for result in frames:
        n_frames += 1
        boxes = result.boxes
        if boxes.id is None:
            continue
        for key, (x, _, _, _) in zip(
            boxes.id.int().tolist(), boxes.xywhn.tolist(), strict=True
        ):
            is_right = x > 0.5
            n_crossed += side.get(key, is_right) != is_right
            side[key] = is_right
    print(n_frames, n_crossed)


if __name__ == "__main__":
    main(*sys.argv[1:])
