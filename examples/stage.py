"""What the demo's acts share: a trainer's process, the command, ways to spoil a store, and how an act begins and ends."""
import argparse
import collections
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading

SAVE_EVERY = 25


class Failed(Exception):
    """Something that the demo promises did not hold."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


screen = threading.Lock()


def say(text=""):
    with screen:
        draw("\r\x1b[K")
        print(text, flush=True)


def draw(text):
    if sys.stderr.isatty():
        sys.stderr.write(text)
        sys.stderr.flush()


def progress(text):
    """How far something is that takes a while: on a terminal, in one line, until something else is said."""
    with screen:
        draw(f"\r  {text}\x1b[K")


def human(count):
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000


def binary(count):
    """As the command prints it."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if unit == "B" and count < 1024:
            return f"{count} B"
        if count < 1023.5 or unit == "GiB":
            return f"{count:.{2 if count < 9.995 else 1 if count < 99.95 else 0}f} {unit}"
        count /= 1024


class Trainer:
    """One trainer process, and the events that it told."""

    doing = "training"

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
        if event["event"] == "step":
            of = f"/{self.steps}" if self.steps else ""
            loss = "nan" if event["loss"] is None else f"{event['loss']:.3f}"  # JSON has no number for it
            progress(f"{self.doing}: step {event['step']}{of}, loss {loss}")
        return event

    def run(self, doing="training"):
        """Lets the trainer finish."""
        self.doing = doing
        while self.read() is not None:
            pass
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


Damage = collections.namedtuple("Damage", "pack offset entry")


def flip_a_byte(store, checkpoint):
    """In the middle of the largest chunk that the save of this checkpoint wrote."""
    with sqlite3.connect(f"file:{store}/catalog.db?mode=ro", uri=True) as catalog:
        pack, offset, size, entry = catalog.execute(
            "SELECT b.pack, b.offset, b.stored_bytes, e.section || '/' || e.name FROM checkpoint AS c "
            "JOIN checkpoint_blob AS x ON x.checkpoint_id = c.id JOIN v_blobs AS b ON b.id = x.blob_id "
            "JOIN v_entries AS e ON e.checkpoint = c.id AND x.ordinal - e.first_chunk BETWEEN 0 AND e.chunks - 1 "
            "WHERE c.id = ? AND b.pack = (SELECT pack FROM v_blobs WHERE id = c.record_blob) AND e.alias_of IS NULL "
            "ORDER BY b.stored_bytes DESC LIMIT 1", (checkpoint["id"],)).fetchone()
    catalog.close()
    place = offset + 64 + size // 2
    with open(store / "blobs" / pack, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 0x10]))
    say(f"  flipped one bit of byte {place:,} of blobs/{pack[:8]}... (checkpoint {checkpoint['id']})")
    return Damage(pack, offset, entry)


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
