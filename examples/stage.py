"""What the demo's acts share: a trainer's process, the command, ways to spoil a store, and how an act begins and ends."""
import argparse
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys

SAVE_EVERY = 25


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


def arguments(description):
    """The parser of the options that all acts know."""
    parser = argparse.ArgumentParser(description=description.split("\n\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"), help="the build folder")
    parser.add_argument("--out", type=pathlib.Path, help="where the stores go; what an earlier demo left there is replaced")
    parser.add_argument("--text", default="/usr/share/common-licenses", help="a file or a directory to train on")
    return parser


def play(act, options, stores):
    """Runs an act on fresh stores of these names, below --out; its exit status."""
    options.out = options.out or options.build / "demo"
    try:
        for name in stores:
            if (options.out / name / "catalog.db").exists():
                shutil.rmtree(options.out / name)
        options.out.mkdir(parents=True, exist_ok=True)
        act(options).run()
    except Failed as failure:
        say(f"\nFAILED: {failure}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
