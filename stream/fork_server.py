"""What the server does that children are forked from, before anything else is imported there; see ``stream.isolation``."""

import os
import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one to the whole process group is for the parent, with which the server ends
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process with threads is not safe to fork
