"""Text → entities, times, places and events: pure functions on spaCy documents, with languages and knowledge as data."""

import os

# One thread a process: more processes scale, and idle BLAS threads burn the time of others while they spin. It has to be
# said before numpy is imported for the first time; who knows better sets the variables.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
