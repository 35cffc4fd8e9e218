#!/usr/bin/env python3
"""A trainer that is killed a hundred times, by SIGTERM and SIGKILL at random moments, half of the times after it was
stopped and continued, ends with the state of one that was never disturbed, bit for bit.

  soak.py TRAINER [--seed N]
"""
import argparse
import collections
import os
import pathlib
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

KILLS = 100
STEPS = 6000
STEPS_A_LIFE = 40  # at most, until the blow
STOPPED = 75       # EX_TEMPFAIL
EXPECTED = re.compile("|".join((
    "resumed", "SIGTERM came", "the store has no checkpoint of run 'soak': it begins at step 0",
    # Where saves are slow, three blows in a row may well fall before the next is durable: the run rightly tells so.
    "run soak makes no progress: ", r"run soak dies at step \d+: ")))


def expect(condition, what):
    if not condition:
        sys.exit(f"soak.py: {what}")


class Trainer:
    """A program that runs trainers, one at a time, each in a process of its own."""

    def __init__(self, program, log):
        # The forking process must have no threads: BLAS starts some as it is loaded, unless it is told not to.
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self.process = subprocess.Popen([program.resolve()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                        text=True, env={**os.environ, **one_thread})

    def start(self, store):
        """Its process id."""
        self.process.stdin.write(f"{store} {STEPS}\n")
        self.process.stdin.flush()
        return int(self.read("started"))

    def read(self, kind=None):
        """The next line's two words, or the second word of the next line of that kind."""
        while True:
            words = self.process.stdout.readline().split()
            # A trainer that was killed may have left half a line before the one that tells its end.
            expect(words, "the program that runs the trainers has ended")
            if kind is None or words[-2] == kind or words[-2].endswith(kind):
                return words[-2:] if kind is None else words[-1]

    def after_steps(self, count):
        """Reads so many steps. The trainer must not end meanwhile."""
        for _ in range(count):
            word, value = self.read()
            expect(word == "step", f"the trainer ended by itself, with {value}, before it was killed {KILLS} times")


def stop_and_continue(process, rng):
    os.kill(process, signal.SIGSTOP)
    while pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
        pass
    time.sleep(rng.uniform(0, 0.02))
    os.kill(process, signal.SIGCONT)
    time.sleep(rng.uniform(0, 0.005))


def live_and_die(trainer, store, rng):
    """One trainer, from its start to a violent end: what killed it, and how it ended."""
    process = trainer.start(store)
    trainer.after_steps(rng.randrange(STEPS_A_LIFE))
    time.sleep(rng.uniform(0, 0.02))  # into the start, a step, or a save
    if rng.random() < 0.5:
        stop_and_continue(process, rng)
    blow = rng.choice((signal.SIGTERM, signal.SIGKILL))
    os.kill(process, blow)
    status = int(trainer.read("ended"))
    # SIGTERM is caught from the moment on at which the time limit is set up.
    ways = (-signal.SIGKILL,) if blow == signal.SIGKILL else (STOPPED, -signal.SIGTERM)
    expect(status in ways, f"after {blow.name} the trainer ended with {status}")
    return blow.name, status


def run_to_the_end(trainer, store):
    trainer.start(store)
    status = int(trainer.read("ended"))
    expect(status == 0, f"an undisturbed trainer ended with {status}")


def head(store):
    with sqlite3.connect(f"file:{store}/catalog.db?mode=ro", uri=True) as catalog:
        row = catalog.execute("SELECT step, digest FROM v_checkpoints ORDER BY id DESC LIMIT 1").fetchone()
    catalog.close()
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trainer", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        with open(directory / "log", "w+") as log:
            trainer = Trainer(options.trainer, log)
            run_to_the_end(trainer, directory / "straight")
            ends = collections.Counter(live_and_die(trainer, directory / "killed", rng) for _ in range(KILLS))
            run_to_the_end(trainer, directory / "killed")
            log.seek(0)
            unexpected = [line for line in log if not EXPECTED.match(line)]
        straight, killed = head(directory / "straight"), head(directory / "killed")
    expect(not unexpected, f"a trainer complained: {unexpected[:5]}")
    expect(straight[0] == STEPS, f"the undisturbed run ended at step {straight[0]}")
    expect(straight == killed, f"the killed run ended at {killed}, and not at {straight}")
    told = ", ".join(f"{count} by {blow} ({status})" for (blow, status), count in sorted(ends.items()))
    print(f"killed {KILLS} times: {told}; step {killed[0]}, {killed[1]}, as if undisturbed")


if __name__ == "__main__":
    main()
