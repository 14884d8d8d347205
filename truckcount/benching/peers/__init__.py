"""Programs that do a peer's job on a clip, each for an interpreter that has it.

``PYTHON peers/NAME.py versions`` prints the versions of what it needs or fails;
``PYTHON peers/NAME.py CLIP [WEIGHTS]`` does the job and prints what it saw. They
import nothing of this package and no package is needed to import them.
"""
