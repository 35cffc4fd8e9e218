#!/usr/bin/env python3
"""Trainers that SIGKILL ended, in the middle of saves and between them, end with the losses and the final state, bit
for bit, of trainers that were never disturbed: over optimizers, schedulers, samplers and numbers of workers.

  proof.py TRAINER                    a few mixes, in which each value of each axis meets each value of each other
  proof.py TRAINER --all              the whole matrix: every mix
  proof.py TRAINER --exchange OTHER   a store of one trainer's LibTorch resumes with the other's, both ways: the state
                                      that comes back has the digest of the one that was saved
"""
import argparse
import concurrent.futures
import itertools
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

AXES = {
    "optimizer": ("sgd", "adam", "adamw", "rmsprop", "adagrad", "lbfgs"),
    "scheduler": ("none", "step", "plateau", "own"),
    "sampler": ("position", "random", "sequential", "stream", "distributed-random", "distributed-sequential"),
    "workers": ("0", "1", "2"),
}
STEPS = 12
# SIGKILL takes nothing from a file system, so the stores can be where a sync costs nothing.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None


def expect(condition, what):
    if not condition:
        sys.exit(f"proof.py: {what}")


def pairs(mix):
    return set(itertools.combinations(zip(AXES, mix), 2))


def all_mixes():
    return list(itertools.product(*AXES.values()))


def covering_mixes():
    """Few mixes in which each value of each axis meets each value of each other: greedily, the same every time."""
    mixes = all_mixes()
    missing = set().union(*map(pairs, mixes))
    chosen = []
    while missing:
        best = max(mixes, key=lambda mix: len(pairs(mix) & missing))
        chosen.append(best)
        missing -= pairs(best)
    return chosen


class Trainer:
    """A program that runs trainers, one at a time, each in a process of its own."""

    def __init__(self, program):
        # The forking process must have no threads: BLAS starts some as it is loaded, unless it is told not to.
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self.process = subprocess.Popen([program.resolve()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **one_thread})

    def run(self, store, mix, *options, killed=False):
        words = ["--store", store, "--steps", STEPS, *options]
        for axis, value in zip(AXES, mix):
            words += ["--" + axis, value]
        line = " ".join(map(str, words))
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        lines = []
        while not lines or lines[-1][0] != "ended":
            lines.append(self.process.stdout.readline().split())
            expect(lines[-1], f"{line} ended the program")
        expect(int(lines[-1][1]) == (-signal.SIGKILL if killed else 0), f"{line} ended with {lines[-1][1]}")
        return Outcome(mix, lines)


class Outcome:
    """What one run printed: losses by step, the step that it resumed from, the final digest."""

    def __init__(self, mix, lines):
        self.losses = {int(line[1]): line[2] for line in lines if line[0] == "loss"}
        self.final = next((line[1] for line in lines if line[0] == "final"), None)
        self.resumed = None
        for step, saved, restored in (line[1:] for line in lines if line[0] == "resumed"):
            self.resumed = int(step)
            expect(saved == restored, f"{mix}: what was restored at step {step} is {restored}, and {saved} was saved")


def prove(trainers, directory, number, mix):
    """Kills one run twice, at steps that differ from mix to mix. What became of a save that was killed: 1 if it had
    just become durable, 0 if it was cut off, None if the kill came between saves."""
    trainer, = trainers
    straight = trainer.run(directory / "straight", mix)
    expect(sorted(straight.losses) == list(range(1, STEPS + 1)), f"{mix}: not every step told its loss")
    store = directory / "killed"
    first, second = 1 + number % 7, 8 + number % 4
    outcomes = [trainer.run(store, mix, "--kill-at", first, killed=True),
                trainer.run(store, mix, "--kill-at", second, "--once-durable", killed=True),
                trainer.run(store, mix)]
    expect(outcomes[2].resumed == second // 2 * 2, f"{mix}: resumed from {outcomes[2].resumed}, killed after {second}")
    for outcome in outcomes:
        for step, loss in outcome.losses.items():
            expect(loss == straight.losses[step],
                   f"{mix}: resumed from {outcome.resumed}, step {step} has loss {loss}, not {straight.losses[step]}")
    told = set().union(*(outcome.losses for outcome in outcomes))
    expect(told == set(straight.losses), f"{mix}: killed after {first} and {second}, only the steps {told} were done")
    final = outcomes[2].final
    expect(final == straight.final, f"{mix}: the final state is {final}, not {straight.final}")
    return None if first % 2 else int(outcomes[1].resumed == first)


def exchange(trainers, directory, _, mix):
    for there, back in (trainers, trainers[::-1]):
        store = directory / str(trainers.index(there))
        there.run(store, mix, "--kill-at", 6, "--once-durable", killed=True)
        resumed = back.run(store, mix).resumed
        expect(resumed == 6, f"{mix}: killed after step 6, resumed from {resumed}")


def on_all_cores(work, programs, mixes):
    """Calls work(trainers, directory, number, mix) for every mix; each thread has trainers of its own."""
    own = threading.local()

    def start():
        own.trainers = [Trainer(program) for program in programs]

    def work_on(number, mix):
        with tempfile.TemporaryDirectory(dir=MEMORY) as directory:
            return work(own.trainers, pathlib.Path(directory), number, mix)

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0)), initializer=start) as threads:
        return list(threads.map(work_on, itertools.count(), mixes))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trainer", type=pathlib.Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--exchange", type=pathlib.Path, metavar="OTHER")
    options = parser.parse_args()
    mixes = all_mixes() if options.all else covering_mixes()
    if options.exchange:
        on_all_cores(exchange, (options.trainer, options.exchange), mixes)
        print(f"{len(mixes)} mixes came back to the bit under the other LibTorch, both ways")
        return 0
    saves = on_all_cores(prove, (options.trainer,), mixes)
    print(f"{len(mixes)} mixes, each killed twice, ended as if undisturbed; of the saves that were killed, "
          f"{saves.count(0)} were cut off and {saves.count(1)} had just become durable")
    return 0


if __name__ == "__main__":
    sys.exit(main())
