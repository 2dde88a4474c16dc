"""A driver on Ray in a process of its own, for tests that interrupt or kill it: two workers, each in a long epoch.

Prints `ready` when the first worker has trained an epoch, and `closed` after an interruption that it has caught.
"""

from __future__ import annotations

from nas.executors.ray import RayExecutor
from nas.trials import Job
from tests.nas.scripts import run

if __name__ == "__main__":
    try:
        with RayExecutor(run, capacity=2, last_word="go on with: nas resume runs/x") as executor:
            executor.submit(Job(0, "ok long", seed=0, epochs=9))
            executor.submit(Job(1, "ok long", seed=0, epochs=9))
            seen = 0
            while True:
                seen += len(executor.events(1.0))
                if seen == 2:
                    print("ready", flush=True)
    except KeyboardInterrupt:
        print("closed", flush=True)
