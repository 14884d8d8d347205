"""Whole-view classifiers: a view in, one truck score out.

Names by which networks are asked for, without importing torch.
"""

NETWORKS = (
    "seed",
    "alexnet",
    "googlenet",
    "resnet18",
    "resnet50",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_lite0",
)
"""What :func:`truckcount.presence.zoo.factory.build_network` builds."""
