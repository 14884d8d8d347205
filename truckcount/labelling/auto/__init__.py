"""Detectors to labels: our own networks, torchvision's, any ONNX graph."""
