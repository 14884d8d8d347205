"""OpenCV reads every frame and a ResNet-18 looks at it: the usual first program.

The weights are random: what is measured is cost, not sight.
"""

import sys


def main(clip: str) -> None:
    """Classify every frame at 224 x 224."""
    import cv2
    import torch
    import torchvision

    if clip == "versions":
        print(
            f"OpenCV {cv2.__version__}, torch {torch.__version__}, "
            f"torchvision {torchvision.__version__}"
        )
        return
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model = torchvision.models.resnet18(weights=None, num_classes=2).eval()
    video = cv2.VideoCapture(clip)
    n = 0
    with torch.inference_mode():
        while True:
            is_read, frame = video.read()
            if not is_read:
                break
            small = cv2.cvtColor(cv2.resize(frame, (224, 224)), cv2.COLOR_BGR2RGB)
            batch = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
            model(batch).softmax(1)
            n += 1
    print(n)


if __name__ == "__main__":
    main(sys.argv[1])
