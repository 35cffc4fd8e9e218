#!/usr/bin/env python3
"""Lastgood's main job on real input: a training run saves, is killed, resumes bit for bit, is damaged, noticed, rolled
back and collected. Every claim is checked; the exit status is 0 only if all of them hold.

  ./dev demo [--out DIR] [--text FILE-OR-DIRECTORY] [--steps N]
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time

SAVE_EVERY = 25
DAMAGE_FOUND = 20


class Failed(Exception):
    """Something that the demo promises did not hold."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


def say(text=""):
    print(text, flush=True)


def human(count):
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000


class Trainer:
    """One trainer process, and the events that it told."""

    def __init__(self, build, store, text, steps, learning_rate=1e-3, run="demo"):
        self.store = pathlib.Path(store)
        self.steps = steps
        self.events = []
        command = [build / "examples" / "demo_trainer", "--store", store, "--run", run, "--text", text, "--steps", steps,
                   "--save-every", SAVE_EVERY, "--learning-rate", learning_rate]
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)

    def packs(self):
        blobs = self.store / "blobs"
        return set(os.listdir(blobs)) if blobs.exists() else set()

    def read(self):
        """The next event; None when the process has ended."""
        line = self.process.stdout.readline()
        if not line.endswith("\n"):      # ended, or killed in the middle of a line
            return None
        event = json.loads(line)
        self.events.append(event)
        return event

    def run(self, progress=""):
        """Lets the trainer finish; its events by kind."""
        while (event := self.read()) is not None:
            if progress and event["event"] == "step" and sys.stderr.isatty():
                sys.stderr.write(f"\r  {progress}: step {event['step']}/{self.steps}, loss {event['loss']:.3f}\x1b[K")
        if progress and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
        status = self.process.wait()
        expect(status == 0, f"the trainer ended with status {status}")
        return self

    def kill_while_saving(self, step):
        """SIGKILL as soon as the pack of the save at `step` has appeared."""
        packs = None
        while (event := self.read()) is not None:
            if event["event"] == "saving" and event["step"] == step:
                packs = self.packs()
                break
        expect(packs is not None, f"the trainer never saved at step {step}")
        while self.packs() == packs and self.process.poll() is None:
            pass
        self.kill()

    def kill_after_step(self, step):
        while (event := self.read()) is not None:
            if event["event"] == "step" and event["step"] == step:
                break
        self.kill()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        while self.read() is not None:
            pass
        expect(self.process.wait() == -signal.SIGKILL, "the trainer was not killed, but ended by itself")

    def all(self, kind):
        return [event for event in self.events if event["event"] == kind]

    def losses(self):
        return {event["step"]: event["exact"] for event in self.all("step")}


class Command:
    """The command `lastgood` on one store."""

    def __init__(self, build, store):
        self.words = [str(build / "lastgood"), "--store", str(store)]

    def run(self, *words, status=0):
        """Runs it and shows what it prints, as a user would see it."""
        say("  $ lastgood " + " ".join(map(str, words)))
        result = subprocess.run(self.words + [str(word) for word in words], capture_output=True, text=True)
        for line in (result.stdout + result.stderr).rstrip().splitlines():
            say("    " + line)
        expect(result.returncode == status, f"`lastgood {words[0]}` ended with {result.returncode}, not {status}")
        return result.stdout

    def json(self, *words):
        result = subprocess.run(self.words + [str(word) for word in words] + ["--json"], capture_output=True, text=True)
        expect(result.returncode == 0, f"`lastgood {' '.join(map(str, words))} --json`: {result.stderr.strip()}")
        return json.loads(result.stdout)

    def checkpoints(self):
        return self.json("list")["checkpoints"]

    def head(self):
        return next(checkpoint for checkpoint in self.checkpoints() if checkpoint["head"])

    def digest(self, name):
        return self.json("show", name)["checkpoint"]["digest"]

    def sections(self, checkpoint):
        """What a digest stands for, in words."""
        count = {}
        for entry in self.json("show", checkpoint)["checkpoint"]["entries"]:
            count[entry["section"]] = count.get(entry["section"], 0) + 1
        return ", ".join(f"{number} of {section}" for section, number in sorted(count.items()))


def flip_a_byte(store, checkpoint):
    """In the middle of the largest blob that the save of this checkpoint wrote."""
    with sqlite3.connect(f"file:{store}/catalog.db?mode=ro", uri=True) as catalog:
        pack, offset, size = catalog.execute(
            "SELECT pack, offset, stored_bytes FROM v_blobs WHERE pack = (SELECT pack FROM v_blobs WHERE kind = 'record' "
            "ORDER BY id DESC LIMIT 1) AND kind = 'chunk' AND state = 'live' ORDER BY stored_bytes DESC LIMIT 1").fetchone()
    catalog.close()
    place = offset + 64 + size // 2
    with open(store / "blobs" / pack, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 0x10]))
    say(f"  flipped one bit of byte {place:,} of blobs/{pack[:8]}... (checkpoint {checkpoint['id']})")
    return pack


class Demo:
    def __init__(self, options):
        self.build = options.build.resolve()
        self.out = options.out
        self.text = options.text
        self.steps = options.steps
        self.store = self.out / "store"
        self.lastgood = Command(self.build, self.store)
        self.trainers = []

    def trainer(self, steps, **more):
        self.trainers.append(Trainer(self.build, self.store, self.text, steps, **more))
        return self.trainers[-1]

    def straight_run(self):
        say(f"1. A small transformer on {self.text}, {self.steps} steps without a break, a checkpoint every {SAVE_EVERY}")
        straight = Trainer(self.build, self.out / "uninterrupted", self.text, self.steps).run("training")
        self.losses = straight.losses()
        reference = Command(self.build, self.out / "uninterrupted")
        self.digest = reference.digest("head")
        say(f"  loss {straight.all('step')[0]['loss']:.3f} -> {straight.all('step')[-1]['loss']:.3f}; "
            f"final state {self.digest}")
        say(f"  that is {reference.sections('head')}")

    def killed_run(self):
        kill_at = self.steps // 2 // SAVE_EVERY * SAVE_EVERY
        say(f"\n2. The same again, but SIGKILL in the middle of the save at step {kill_at}; a new process resumes")
        first = self.trainer(self.steps)
        first.kill_while_saving(kill_at)
        stats = self.lastgood.json("stats")
        saved = [checkpoint["step"] for checkpoint in self.lastgood.checkpoints()]
        expect(kill_at not in saved and stats["saves_in_flight"] == 1, "the kill did not hit the middle of a save")
        say(f"  killed: checkpoints at steps {sorted(saved)}, and one save that was left half done, which nobody sees")
        second = self.trainer(self.steps).run("resumed")
        resumed = second.all("resumed")[0]
        say(f"  resumed from checkpoint {resumed['checkpoint']}, step {resumed['step']}")
        self.compare(first.losses(), second.losses())

    def compare(self, *parts):
        losses = {}
        for part in parts:
            for step, loss in part.items():
                expect(losses.get(step, loss) == loss, f"the loss of step {step} came out differently the second time")
                losses[step] = loss
        expect(losses == self.losses, "the losses differ from those of the uninterrupted run")
        digest = self.lastgood.digest("head")
        expect(digest == self.digest, f"the final state is {digest}, and not that of the uninterrupted run")
        say(f"  all {len(losses)} losses and the final state are those of the uninterrupted run, bit for bit: {digest}")

    def damaged_run(self):
        say("\n3. A byte rots in the newest checkpoint")
        newest = self.lastgood.head()
        pack = flip_a_byte(self.store, newest)
        report = self.lastgood.run("verify", status=DAMAGE_FOUND)
        expect(pack in report and f"{newest['id']}" in report, "verify does not name the checkpoint and the pack")
        resumed = self.trainer(self.steps).run("resumed")
        passed_over = resumed.all("passed_over")
        expect(passed_over and passed_over[0]["checkpoint"] == newest["id"], "the damaged checkpoint was not passed over")
        say(f"  the next resume: {passed_over[0]['why'].splitlines()[0]}")
        say(f"  so it fell back to checkpoint {resumed.all('resumed')[0]['checkpoint']}, "
            f"step {resumed.all('resumed')[0]['step']}, and trained on")
        self.compare(self.losses, resumed.losses())
        say("  its last save brought the damaged contents anew, which healed the old checkpoint, too:")
        self.lastgood.run("verify")

    def branches(self):
        say("\n4. A learning rate that is far too high, a rollback, another branch")
        bad = self.trainer(self.steps + 2 * SAVE_EVERY, learning_rate=0.5).run("diverging")
        say(f"  loss {bad.all('step')[0]['loss']:.3f} -> {bad.all('step')[-1]['loss']:.3f}")
        abandoned = self.lastgood.head()
        self.lastgood.run("rollback", "last-stable")
        expect(self.lastgood.head()["step"] < abandoned["step"], "the rollback did not move the head back")
        good = self.trainer(self.steps + 2 * SAVE_EVERY).run("resumed")
        say(f"  resumed from step {good.all('resumed')[0]['step']}: "
            f"loss {good.all('step')[0]['loss']:.3f} -> {good.all('step')[-1]['loss']:.3f}")
        drawn = self.lastgood.run("log")
        expect(str(abandoned["step"]) in drawn and "|" in drawn.replace("│", "|"), "the log does not draw both branches")
        before = self.lastgood.json("stats")["bytes_on_disk"]
        self.lastgood.run("forget", abandoned["id"])
        self.lastgood.run("gc", "--keep-last", 3)
        after = self.lastgood.json("stats")["bytes_on_disk"]
        expect(after < before, "gc freed nothing")
        self.lastgood.run("verify")

    def costs(self):
        say("\n5. What it cost")
        saved = [event for trainer in self.trainers for event in trainer.all("saved")]
        staged = [event["blocked_ms"] for trainer in self.trainers for event in trainer.all("staged")]
        logical = sum(event["bytes_logical"] for event in saved)
        stored = sum(event["bytes_new"] for event in saved)
        say(f"  {len(saved)} checkpoints of {human(saved[0]['bytes_logical'])}: {human(logical)} of state, "
            f"{human(stored)} written to packs")
        say(f"  the trainer was blocked for {statistics.median(staged):.1f} ms a checkpoint (median); each was durable "
            f"after {statistics.median(event['durable_ms'] for event in saved):.0f} ms (median)")

    def run(self):
        started = time.monotonic()
        for act in (self.straight_run, self.killed_run, self.damaged_run, self.branches, self.costs):
            act()
        say(f"\nEverything held. {time.monotonic() - started:.0f} s; the store is in {self.store}, "
            f"look around: {os.path.relpath(self.build / 'lastgood')} --store {self.store} list")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"), help="the build folder")
    parser.add_argument("--out", type=pathlib.Path, help="where the stores go; what an earlier demo left there is replaced")
    parser.add_argument("--text", default="/usr/share/common-licenses", help="a file or a directory to train on")
    parser.add_argument("--steps", type=int, default=200, help="length of the run, a multiple of %d" % SAVE_EVERY)
    options = parser.parse_args()
    options.out = options.out or options.build / "demo"
    if options.steps < 4 * SAVE_EVERY or options.steps % SAVE_EVERY:
        parser.error(f"--steps must be a multiple of {SAVE_EVERY}, and at least {4 * SAVE_EVERY}")
    try:
        for name in ("store", "uninterrupted"):
            if (options.out / name / "catalog.db").exists():
                shutil.rmtree(options.out / name)
        options.out.mkdir(parents=True, exist_ok=True)
        Demo(options).run()
    except Failed as failure:
        say(f"\nFAILED: {failure}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
